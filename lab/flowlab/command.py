"""The command line of lab/run."""
import argparse
import os
import shutil
import signal
import sys
import time

from . import missing, sandbox, stories
from .recording import record


def offsets(words):
    """host=seconds, as often as given"""
    out = {}
    for word in words:
        host, eq, seconds = word.partition("=")
        if not eq:
            raise SystemExit(f"lab: --offset wants host=SECONDS, not {word!r}")
        out[host] = float(seconds)
    return out


def arguments(words):
    p = argparse.ArgumentParser(prog="lab/run", description="Records an incident with known truth in network namespaces of its own. Must be run as root.")
    p.add_argument("story", nargs="*", help="which story; see --list. Several are recorded one after another")
    p.add_argument("--list", action="store_true", help="tell the stories and end")
    p.add_argument("--lang", choices=["en", "es"], default="en", help="the language of --list")
    p.add_argument("--seed", type=int, default=1, help="what the story draws from: addresses, names, delays, clocks, order (default 1)")
    p.add_argument("--offset", action="append", default=[], metavar="HOST=SECONDS", help="set the clock of a host this far ahead of true time")
    p.add_argument("--delay", type=float, metavar="MS", help="one-way delay of the path")
    p.add_argument("--out", metavar="DIR", help="where to write STORY-SEED (default lab-out)")
    p.add_argument("--keep-going", action="store_true", help="leave the recording there when a claim about it does not hold")
    p.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    return p.parse_args(words)


def options(args):
    """the options again, for the run inside"""
    words = ["--seed", str(args.seed)]
    for o in args.offset:
        words += ["--offset", o]
    if args.delay is not None:
        words += ["--delay", str(args.delay)]
    return words + (["--keep-going"] if args.keep_going else [])


def show_list(lang):
    for s in stories.ALL:
        print(f"{s.name:22s} {s.flow:5s} {lang == 'es' and s.spanish or s.title}")
    return 0


def cannot(names):
    """Why the stories cannot be recorded here, as an exit code that was told, or 0."""
    for name in names:
        story = stories.find(name)
        if story is None:
            sys.stderr.write(f"lab: no story {name!r}; lab/run --list tells them\n")
            return 2
        lacking = missing.programs(story.needs)
        if lacking:
            sys.stderr.write(f"lab: {name} needs {', '.join(lacking)}: apt-get install --no-install-recommends {' '.join(missing.packages(lacking))}\n")
            return 3
    if os.geteuid() != 0:
        sys.stderr.write("lab: must be run as root (it makes network namespaces): sudo lab/run …\n")
        return 3
    refused = sandbox.possible()
    if refused:
        sys.stderr.write(f"lab: this machine does not let it: {refused}\n")
    return 3 if refused else 0


def unwritable(out, args):
    """Why the folders cannot be written, as an exit code that was told, or 0. Only an earlier recording is overwritten."""
    try:
        os.makedirs(out, exist_ok=True)
        for name in args.story:
            folder = os.path.join(out, f"{name}-{args.seed}")
            if os.path.exists(folder) and os.listdir(folder) and not os.path.exists(os.path.join(folder, "truth.json")):
                sys.stderr.write(f"lab: {folder} is there and is no recording\n")
                return 2
    except OSError as e:
        sys.stderr.write(f"lab: {e}\n")
        return 2
    return 0


def unfinished(out, name, args):
    """Where a recording is written until it is whole."""
    return os.path.join(out, f".{name}-{args.seed}.unfinished")


def one(name, args, out):
    """Records a story, inside."""
    story, folder, made = stories.find(name), os.path.join(out, f"{name}-{args.seed}"), unfinished(out, name, args)
    begun = time.monotonic()
    failed = record(story, args.seed, offsets(args.offset), args.delay, made)
    for claim in failed:
        sys.stderr.write(f"lab: {name}: not as claimed: {claim}\n")
    if failed and not args.keep_going:
        return 1
    shutil.rmtree(folder, ignore_errors=True)
    os.rename(made, folder)
    print(f"{folder}  {time.monotonic() - begun:.1f} s")
    return 0


def main(words):
    args = arguments(words)
    if args.list:
        return show_list(args.lang)
    if not args.story:
        sys.stderr.write("lab: which story? lab/run --list tells them\n")
        return 2
    out = os.path.abspath(args.out or "lab-out")
    if not args.inside:
        code = cannot(args.story) or unwritable(out, args)
        if code:
            return code
        for name in args.story:
            code = max(code, sandbox.enter([name] + options(args) + ["--inside", "--out", out]))
            shutil.rmtree(unfinished(out, name, args), ignore_errors=True)
            if code >= 128:  # interrupted: the rest is not wanted either
                break
        return code
    for s in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(s, lambda number, frame: sys.exit(128 + number))
    sandbox.prepare()
    try:
        return one(args.story[0], args, out)
    except KeyboardInterrupt:
        return 130
    except RuntimeError as e:  # a command of the lab failed: its own words say more than where
        sys.stderr.write(f"lab: {args.story[0]}: {e}\n")
        return 1
