"""Compiled programs are kept in a folder of the test session, not in the user's."""

import pytest


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ASTROBRIAN_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield
