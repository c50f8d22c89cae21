"""Write the bytecode that a service needs, while its image is built.

Usage: compile.py PACKAGE...: imports all modules below the packages and compiles what
that imported, and all of the current folder. Nothing else gets bytecode: that of the
modules nobody imports is a third of an image. A module that lacks something fails here
and not at night.
"""

from __future__ import annotations

import compileall
import importlib
import pkgutil
import py_compile
import sys
from pathlib import Path

#: Nothing in an image changes, so that no start has to look whether it did.
MODE = py_compile.PycInvalidationMode.UNCHECKED_HASH
#: What runs when it is imported, and so needs the settings of a real start.
PROGRAMS = ("__main__", "wsgi")


def import_all(name: str) -> None:
    """Import a module and, when it is a package, all below it."""
    module = importlib.import_module(name)
    for found in pkgutil.iter_modules(getattr(module, "__path__", ())):
        if found.name not in PROGRAMS:
            import_all(f"{name}.{found.name}")


def compile_imported(folder: Path) -> int:
    """Compile the imported modules that lie in `folder`; return how many."""
    files = {
        Path(file)
        for module in sys.modules.values()
        if (file := getattr(module, "__file__", None)) and file.endswith(".py")
    }
    ours = [file for file in sorted(files) if file.is_relative_to(folder)]
    for file in ours:
        py_compile.compile(str(file), doraise=True, invalidation_mode=MODE)
    return len(ours)


def main(packages: list[str]) -> int:
    """Compile what the packages import; return the exit status."""
    sys.dont_write_bytecode = True
    sys.path.insert(0, str(Path.cwd()))
    for package in packages:
        import_all(package)
    compile_imported(Path(sys.prefix))
    return 0 if compileall.compile_dir(".", quiet=1, invalidation_mode=MODE) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
