#!/bin/sh
# The tests of the page need a Chromium. Finds one; else installs Debian's where that can be done; else says what to do.
for name in chromium chromium-browser google-chrome; do
  command -v "$name" >/dev/null 2>&1 && exit 0
done
[ -n "$ONRECORD_BROWSER" ] && [ -x "$ONRECORD_BROWSER" ] && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
  echo "Installing chromium for the tests of the page (about 300 MB on disk) ..."
  if { apt-get install -y -q --no-install-recommends chromium || {
    apt-get update -q && apt-get install -y -q --no-install-recommends chromium; }; } >/dev/null 2>&1; then
    exit 0
  fi
  echo "chromium could not be installed."
fi
echo "There is no Chromium here: the tests of the page in a browser will be skipped."
echo "To run them: apt-get install chromium, or ONRECORD_BROWSER=/path/to/chromium make test"
