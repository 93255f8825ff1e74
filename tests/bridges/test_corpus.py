"""Text as bytes."""

import gzip

import numpy as np
import pytest

from astrobrian.bridges import load_corpus


def test_standard_library_is_the_same_text_each_time():
    a, b = (load_corpus(max_bytes=300_000) for _ in range(2))
    assert a.sha256 == b.sha256
    assert a.train.size == 270_000
    assert a.held_out.size == 30_000
    assert b"def " in a.train.tobytes()
    assert 3 < a.unigram_bits < 5.5


def test_file_gzipped_or_not(tmp_path):
    text = bytes(range(256)) * 40
    (tmp_path / "a.txt").write_bytes(text)
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress(text))
    plain, packed = (load_corpus(tmp_path / name, context=16) for name in ("a.txt", "a.txt.gz"))
    assert np.concatenate([plain.train, plain.held_out]).tobytes() == text
    assert plain.sha256 == packed.sha256
    assert load_corpus(tmp_path / "a.txt", context=16, max_bytes=1000).train.size == 900
    # uniform bytes: 8 bits each, whatever the split
    assert abs(plain.unigram_bits - 8) < 0.01


def test_text_shorter_than_the_context_is_refused_with_the_length_it_needs(tmp_path):
    path = tmp_path / "short.txt"
    path.write_bytes(b"x" * 2569)
    with pytest.raises(
        ValueError, match=r"short\.txt is too short: 2569 bytes leave 256 .* at least 2571 bytes"
    ):
        load_corpus(path, context=256)
    path.write_bytes(b"x" * 2571)
    assert load_corpus(path, context=256).held_out.size == 257


def test_damaged_gzip_missing_file_and_odd_share_are_refused(tmp_path):
    (tmp_path / "bad.gz").write_bytes(gzip.compress(b"x" * 9999)[:-9])
    with pytest.raises(ValueError, match="isn't a whole one"):
        load_corpus(tmp_path / "bad.gz")
    with pytest.raises(FileNotFoundError):
        load_corpus(tmp_path / "none.txt")
    with pytest.raises(ValueError, match="share"):
        load_corpus(held_out=1.0)
