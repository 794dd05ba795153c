"""The daemons and client programs of the stories, one file each."""
