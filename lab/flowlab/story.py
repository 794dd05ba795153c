"""What a story is."""
from dataclasses import dataclass
from typing import Callable, Sequence


@dataclass(frozen=True)
class Story:
    name: str             # of the command line
    flow: str             # web, ssh, dns, ntp or all
    title: str            # one line, in English
    text: str             # what happens, for truth.json
    needs: Sequence[str]  # programs beyond those every story needs
    play: Callable        # play(lab)
    spanish: str = ""     # the title in Spanish, for lab/run --list --lang es
