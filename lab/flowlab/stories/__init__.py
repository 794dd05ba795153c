"""The stories, one a file; ALL is the table."""
from . import slow_app, web_healthy

ALL = [web_healthy.STORY, slow_app.STORY]


def find(name):
    return next((s for s in ALL if s.name == name), None)
