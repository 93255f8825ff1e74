"""AstroBrian's own C++ standalone device: Brian2's, with other templates, a quicker build, and programs that are kept."""

from astrobrian.standalone.codeobject import CodeObject, has_template
from astrobrian.standalone.device import NAME, StandaloneDevice, standalone_device

__all__ = ["NAME", "CodeObject", "StandaloneDevice", "has_template", "standalone_device"]
