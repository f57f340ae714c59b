#!/usr/bin/env python3
"""What `cmake --install` leaves, or what a Debian package holds, used as its users would: without the source, moved to
another folder.

    tests/install/install_test.py BUILD|PACKAGE.deb

Prints a line per check and ends with `N passed, N failed`.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]
PROGRAMS = ("inpaint_data", "inpaint_eval", "inpaint_export", "inpaint_fill", "inpaint_serve", "inpaint_train")
WIDTH, HEIGHT = 83, 61
HOLE = {(row, column) for row in range(20, 41) for column in range(30, 55) if (row - 30) ** 2 + (column - 42) ** 2 < 120}


def run(*command, **options):
    result = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False, **options)
    assert result.returncode == 0, f"{command}: exit code {result.returncode}\n{result.stdout}{result.stderr}"
    return result.stdout


class Installed:
    """An installed tree, in a folder of its own."""

    def __init__(self, source, folder):
        self.folder = folder
        if source.suffix == ".deb":
            run("dpkg-deb", "-x", source, folder / "first place")
            installed = folder / "first place/usr"
        else:
            run("cmake", "--install", source, "--prefix", folder / "first place")
            installed = folder / "first place"
        self.prefix = folder / "another place" / "inpaint"
        self.prefix.parent.mkdir()
        installed.rename(self.prefix)
        self.zsh = next((self.prefix / "share/zsh").iterdir())
        self.bin = self.prefix / "bin"
        self.library = next(self.prefix.glob("lib*/**/libinpaint.so")).parent
        self.doc = self.prefix / "share/doc/inpaint"
        self.environment = {**os.environ, "LD_LIBRARY_PATH": str(self.library),
                            "PKG_CONFIG_PATH": str(self.library / "pkgconfig")}
        self.checkpoint = self.train()
        self.pixels, self.mask = self.picture()

    def train(self):
        """A checkpoint of a model that is two steps old."""
        shape = ("--dataname", "tiny", "--image_size", "64", "--image_channel", "3")
        run(self.bin / "inpaint_data", "generate", *shape, "--count", "8", cwd=self.folder)
        run(self.bin / "inpaint_train", *shape, "--model", "harmonic_unet", "--batch_size", "2", "--max_steps", "2",
            "--device", "cpu", cwd=self.folder)
        return next((self.folder / "checkpoints").glob("tiny64/gpu0/model-*.safetensors"))

    def picture(self):
        """A picture with a hole in magenta, which no fill paints, and its mask."""
        pixels = bytearray()
        for row in range(HEIGHT):
            for column in range(WIDTH):
                grey = (row * 3 + column * 2 + (row * 31 + column * 17) % 23) % 160
                pixels += bytes((255, 0, 255)) if (row, column) in HOLE else bytes((grey, 90 + grey // 2, grey // 3))
        mask = bytes(255 * ((row, column) in HOLE) for row in range(HEIGHT) for column in range(WIDTH))
        (self.folder / "picture.ppm").write_bytes(b"P6\n%d %d\n255\n" % (WIDTH, HEIGHT) + pixels)
        (self.folder / "mask.pgm").write_bytes(b"P5\n%d %d\n255\n" % (WIDTH, HEIGHT) + mask)
        return bytes(pixels), mask

    def filled_by(self, *command):
        """What the command, which is given picture, mask and checkpoint, writes."""
        run(*command, cwd=self.folder, env=self.environment)
        return (self.folder / "out.ppm").read_bytes()[-len(self.pixels):]

    def check_filled(self, filled):
        assert len(filled) == len(self.pixels)
        for row in range(HEIGHT):
            for column in range(WIDTH):
                at = 3 * (row * WIDTH + column)
                before, after = self.pixels[at:at + 3], filled[at:at + 3]
                if (row, column) in HOLE:
                    assert after != before, f"the hole's pixel {row}, {column} is as it was"
                else:
                    assert after == before, f"the known pixel {row}, {column} has changed"


def test_files(tree):
    """The installed tree has all parts, and knows nothing of the source or of where it was first."""
    for name in PROGRAMS:
        assert os.access(tree.bin / name, os.X_OK), name
    for name in ("README.md", "embedding.md", "serve.md", "CHANGELOG.md", "SECURITY.md", "examples/fill.c"):
        assert (tree.doc / name).is_file(), name
    assert "MIT License" in (tree.doc / ("LICENSE" if tree.zsh.name == "site-functions" else "copyright")).read_text()
    for path in [*tree.prefix.rglob("*.cmake"), *tree.prefix.rglob("*.pc")]:
        text = path.read_text()
        assert str(SOURCE) not in text and "first place" not in text, f"{path} names a folder of the build"


def test_symbols(tree):
    """The library shows the functions of its header, with their version, and nothing else."""
    header = re.sub(r"/\*.*?\*/", "", (tree.prefix / "include/inpaint.h").read_text(), flags=re.DOTALL)
    declared = set(re.findall(r"\b(inpaint_\w+)\(", header))
    shown = {line.split()[-1] for line in run("nm", "-D", "--defined-only", tree.library / "libinpaint.so").splitlines()}
    assert shown - {"INPAINT_0.2"} == {f"{name}@@INPAINT_0.2" for name in declared}, shown
    assert len(declared) == 7
    dynamic = run("readelf", "-d", tree.library / "libinpaint.so")
    assert "soname: [libinpaint.so.0]" in dynamic and "RUNPATH" not in dynamic and "RPATH" not in dynamic, dynamic


def test_header(tree):
    """The header is C and C++ of old standards, without a warning."""
    warnings = ("-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only", "-I", tree.prefix / "include", "-")
    text = "#include <inpaint.h>\ninpaint_options options = INPAINT_OPTIONS_INIT;\n"
    run("cc", "-x", "c", "-std=c99", *warnings, input=text)
    run("c++", "-x", "c++", "-std=c++11", *warnings, input=text)


def test_examples(tree):
    """fill.c, built by find_package and by pkg-config, fills as inpaint_fill does, with a model and without."""
    app = tree.folder / "app"
    shutil.copytree(tree.doc / "examples", app)
    run("cmake", "-S", app, "-B", app / "build", f"-DCMAKE_PREFIX_PATH={tree.prefix}")
    run("cmake", "--build", app / "build")
    flags = run("pkg-config", "--cflags", "--libs", "inpaint", env=tree.environment).strip()
    flags = flags.replace("\\ ", "%20").split()
    run("cc", "-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Werror", app / "fill.c",
        *[flag.replace("%20", " ") for flag in flags], "-o", app / "fill")
    version = run("pkg-config", "--modversion", "inpaint", env=tree.environment).strip()
    assert run(tree.bin / "inpaint_fill", "--version").startswith(f"inpaint_fill {version}\n")
    for model in ([], [tree.checkpoint]):
        by_program = tree.filled_by(tree.bin / "inpaint_fill", "picture.ppm", "--mask", "mask.pgm", "--out", "out.ppm",
                                    "--device", "cpu", *[f"--checkpoint={path}" for path in model])
        tree.check_filled(by_program)
        for example in (app / "build/fill", app / "fill"):
            assert tree.filled_by(example, "picture.ppm", "mask.pgm", "out.ppm", *model) == by_program, example
    refused = subprocess.run([app / "fill", "picture.ppm", "mask.pgm", "out.ppm", "none.safetensors"], cwd=tree.folder,
                             env=tree.environment, capture_output=True, text=True, check=False)
    assert refused.returncode == 1 and "none.safetensors" in refused.stderr, refused


def test_python(tree):
    """The Python of docs/embedding.md, as it stands there."""
    block = re.search(r"```python\n(.*?)```", (tree.doc / "embedding.md").read_text(), re.DOTALL)[1]
    use = f"""
import sys
picture, mask = open("picture.ppm", "rb").read()[-{len(tree.pixels)}:], open("mask.pgm", "rb").read()[-{len(tree.mask)}:]
pixels = bytearray(picture)
try:
    fill(pixels, {WIDTH}, {HEIGHT}, bytearray(b"\\1" * {WIDTH * HEIGHT}))
    sys.exit("a picture without a known pixel was filled")
except ValueError as error:
    assert "every pixel" in str(error), error
assert pixels == picture
fill(pixels, {WIDTH}, {HEIGHT}, bytearray(mask), {str(tree.checkpoint).encode()!r})
open("out.ppm", "wb").write(pixels)
"""
    tree.check_filled(tree.filled_by(sys.executable, "-c", block + use))


def options_of_help(text):
    """{option: (its values where it has a list of them, its help)}, from what a program prints. A switch --[no]x
    is two options."""
    options = {}
    pattern = r"^  --(\[no\])?(\w[\w-]*)(?:[ =]([^ \n]+))?(.*(?:\n {12,}\S.*)*)"
    for negated, name, placeholder, behind in re.findall(pattern, text, re.MULTILINE):
        if name in ("help", "version"):
            continue
        behind = " ".join(behind.split()).removeprefix("... ")
        words = re.sub(r"\[(?:[^][]*; )?default .*", "", behind).strip()
        # The trainer's values stand before its default, those of the others in the place of the value.
        listed = re.search(r"\[([\w., ]+); default", behind) if placeholder == "NAME" else None
        values = re.split(r", | or ", listed[1]) if listed else placeholder.split("|") if "|" in placeholder else []
        options[name.replace("-", "_")] = (values, words)
        if negated:
            options[f"no{name}"] = ([], words)
    return options


def plain(page):
    """A page without the marks of its language, in one line."""
    for mark, character in (("\\fB", ""), ("\\fI", ""), ("\\fR", ""), ("\\-", "-"), ("'\\''", "'"), ("\\'", "'"), ("\\&", ""),
                            ("\\[", "["), ("\\]", "]"), ("\\:", ":"), ("\\\\", "\\")):
        page = page.replace(mark, character)
    return " ".join(page.split())


# Where a page speaks of an option, in a page without line ends.
SECTIONS = {"man": r"\.TP --NAME\b.*?(?=\.TP|\.S[SH]|$)", "bash": r"--NAME\).*?;;", "zsh": r"--NAME[=[].*?(?='\*?--|$)",
            "fish": r"-l NAME\b.*?(?=complete -c|$)"}


def test_pages(tree):
    """Every option of every --help, with its help and values, is in the man page and in the completions, and no other."""
    share, checked = tree.prefix / "share", 0
    for program in PROGRAMS:
        options = options_of_help(run(tree.bin / program, "--help"))
        if program == "inpaint_data":
            for command in ("convert", "generate", "check", "describe"):
                options |= options_of_help(run(tree.bin / program, command, "--help"))
        assert len(options) > 6, options
        pages = {"man": share / f"man/man1/{program}.1", "bash": share / f"bash-completion/completions/{program}",
                 "zsh": tree.zsh / f"_{program}", "fish": share / f"fish/vendor_completions.d/{program}.fish"}
        texts = {kind: plain(path.read_text()) for kind, path in pages.items()}
        known = {"help", "version", *options}
        for kind, text in texts.items():
            present = set(re.findall(r"-l ([a-z]\w*)" if kind == "fish" else r"--([a-z]\w*)", text))
            assert present >= known, f"{pages[kind]} is without {known - present}"
            for name in present - known:  # examples and help texts speak of options too
                assert not re.search(SECTIONS[kind].replace("NAME", name), text), f"{pages[kind]}: what is --{name}?"
            for name, (values, words) in options.items():
                negated = name.startswith("no") and name[2:] in options
                sections = " ".join(re.findall(SECTIONS[kind].replace("NAME", name), text))
                if kind == "bash":
                    assert sections or words and not values, f"{pages[kind]}: --{name}"
                elif not (kind == "man" and negated):
                    assert words[1:] in sections, f"{pages[kind]}: --{name}: no '{words}'"
                for value in values:
                    assert re.search(rf"(?<![\w-]){re.escape(value)}(?![\w-])", sections), f"{pages[kind]}: --{name}={value}"
                checked += 1
    assert checked > 500, checked
    others = re.findall(r"\[default of (\w+): (\S+)\]", run(tree.bin / "inpaint_train", "--help"))
    assert len(others) > 2 and all(f"; {value} of {model}." in plain((share / "man/man1/inpaint_train.1").read_text())
                                   for model, value in others), others


def test_man(tree):
    """groff and man find no fault in the pages."""
    pages = sorted((tree.prefix / "share/man/man1").iterdir())
    assert [page.name for page in pages] == [f"{name}.1" for name in PROGRAMS]
    for page in pages:
        for command in (["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", page], ["groff", "-man", "-ww", "-z", page]):
            result = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "MANWIDTH": "100"})
            assert result.returncode == 0 and result.stderr == "", result


def test_shells(tree):
    """The shells accept their completions."""
    share = tree.prefix / "share"
    for shell, folder in (("bash", share / "bash-completion/completions"), ("zsh", tree.zsh),
                          ("fish", share / "fish/vendor_completions.d")):
        files = sorted(folder.iterdir())
        assert len(files) == len(PROGRAMS), files
        for path in files:
            run(shell, "-n", path)


LINES = {  # what is typed, and some of what must be offered, and what must not
    "inpaint_fill --fin": (["--finish"], ["--box"]),
    "inpaint_fill --finish ": (["none", "patches"], ["--box"]),
    "inpaint_fill --finish=pa": (["patches"], ["none"]),
    "inpaint_fill --mask p": (["picture.ppm"], ["mask.pgm"]),
    "inpaint_fill pic": (["picture.ppm"], ["mask.pgm"]),
    "inpaint_fill --threads ": ([], ["picture.ppm"]),
    "inpaint_data d": (["describe"], ["generate"]),
    "inpaint_data generate --dataname x --co": (["--count"], ["--contact_sheet"]),
    "inpaint_data generate --data_root ch": (["checkpoints"], []),
    "inpaint_data convert ": (["checkpoints"], ["picture.ppm"]),
    "inpaint_train --model ": (["context_encoder", "harmonic_unet"], ["picture.ppm"]),
    "inpaint_train --resume ": (["best", "never", "mask.pgm"], []),
    "inpaint_train --nofl": (["--noflip"], ["--flip"]),
    "inpaint_train --image_size=": (["64", "128", "256"], ["mask.pgm"]),
    "inpaint_train pic": ([], ["picture.ppm"]),
}


def check_offers(offer):
    for line, (wanted, unwanted) in LINES.items():
        offered = {word.split("=")[-1].rstrip("/ ") for word in offer(line)}
        assert set(wanted) <= offered, f"{line!r}: {sorted(offered)} is without {wanted}"
        assert not set(unwanted) & offered, f"{line!r}: {sorted(offered)} has one of {unwanted}"


def test_bash(tree):
    """What bash offers behind a line: its words are cut as bash cuts them."""
    def offer(line):
        words = re.findall(r"=|[^ =]+", line) + ([""] if line[-1] in " " else [])
        quoted = " ".join(f"'{word}'" for word in words)
        program = words[0]
        script = (f"compopt() {{ :; }}; source '{tree.prefix}/share/bash-completion/completions/{program}'\n"
                  f"COMP_WORDS=({quoted}) COMP_CWORD={len(words) - 1}; _{program}; printf '%s\\n' \"${{COMPREPLY[@]}}\"")
        return run("bash", "-c", script, cwd=tree.folder).splitlines()
    check_offers(offer)


def test_fish(tree):
    """What fish offers behind a line."""
    def offer(line):
        program = line.split()[0]
        script = f"source '{tree.prefix}/share/fish/vendor_completions.d/{program}.fish'; complete -C '{line}'"
        home = {**os.environ, "HOME": str(tree.folder / "home"), "PATH": f"{tree.bin}:{os.environ['PATH']}"}
        return [word.split("\t")[0] for word in run("fish", "-c", script, cwd=tree.folder, env=home).splitlines()]
    check_offers(offer)


def test_zsh(tree):
    """What zsh offers behind a line."""
    def offer(line):
        return run("zsh", "-f", SOURCE / "tests/install/zsh_offers.zsh", tree.zsh,
                   tree.folder / "zcompdump", line, cwd=tree.folder, timeout=60).splitlines()
    check_offers(offer)


def main():
    source = Path(sys.argv[1]).resolve()
    failed = 0
    with tempfile.TemporaryDirectory() as name:
        tree = Installed(source, Path(name))
        tests = [(test, function) for test, function in globals().items() if test.startswith("test_")]
        for test, function in tests:
            try:
                function(tree)
                print(f"ok   {test}")
            except Exception:
                failed += 1
                print(f"FAIL {test}")
                traceback.print_exc()
        print(f"{len(tests) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
