import sys

if __name__ != "astrobrian.studies" or getattr(sys.modules["astrobrian"], "__file__", None) is None:
    raise ImportError(f"{__name__} loaded outside the astrobrian package from {__file__}")
