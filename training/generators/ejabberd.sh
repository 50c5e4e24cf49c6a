#!/bin/bash
# Draws with the script that ejabberd ships: bash ejabberd.sh GENERATOR FOLDER, a job a line on stdin, its text on stdout.
convert() { command convert -font "$FACE" "$@"; } # in another face than ImageMagick's own
export -f convert
while IFS= read -r line; do
  mapfile -t job < <(python3 -c 'import json, sys; job = json.loads(sys.argv[1]); print(job["file"], job["text"], job["face"], sep="\n")' "$line")
  FACE="${job[2]}" bash "$2/ejabberd/usr/share/ejabberd/captcha.sh" "${job[1]}" > "${job[0]}" < /dev/null
  echo "${job[1]}"
done
