"""A shell script that removes superfluous copies, to be read and edited before it is run."""

from __future__ import annotations

import os
from collections.abc import Iterator

from imagefinder._utils.outputs import mark
from imagefinder.near_duplicates.selection import Selection

_HEAD = """\
#!/bin/sh
# {mark}: {count} files, {bytes} bytes.
#
#   sh SCRIPT FOLDER      moves them into FOLDER, each with its own folders
#   sh SCRIPT --delete    deletes them
#
# Before each file it checks that the file that stays is there, and that both have the size that
# they had. Remove the lines of files that you want to keep.
LC_ALL=C
export LC_ALL
case ${{1-}} in
--delete) target= ;;
''|-*) echo "usage: sh $0 FOLDER | --delete" >&2; exit 2 ;;
/*) target=$1 ;;
*) target=$PWD/$1 ;;
esac
failed=0

fail() {{
  printf '%s\\n' "left: $1" >&2
  failed=1
}}

# has_size FILE BYTES
has_size() {{
  [ -f "$1" ] && [ "$(wc -c < "$1")" -eq "$2" ]
}}

# copy KEPT BYTES FILE BYTES
copy() {{
  if ! has_size "$1" "$2" || ! has_size "$3" "$4" || [ "$1" -ef "$3" ]; then
    fail "$3"
  elif [ -z "$target" ]; then
    rm -f -- "$3" || fail "$3"
  elif [ -e "$target$3" ]; then
    fail "$3"
  else
    mkdir -p -- "$target${{3%/*}}" && mv -- "$3" "$target$3" || fail "$3"
  fi
}}

"""


def removal_script(selection: Selection) -> Iterator[bytes]:
    """The script, line by line: a POSIX shell runs it, whatever the names contain."""
    head = _HEAD.format(mark=mark("duplicates"), count=len(selection.files), bytes=selection.bytes)
    yield head.encode()
    for one in selection.files:
        kept, path = (quoted(name) for name in (one.kept, one.path))
        yield b"copy %s %d \\\n     %s %d\n" % (kept, one.kept_record.size, path, one.record.size)
    yield b'exit "$failed"\n'


def quoted(path: str) -> bytes:
    """A path as a word of the shell."""
    return b"'" + os.fsencode(path).replace(b"'", b"'\\''") + b"'"
