#!/bin/sh
# What to do after the demo.
cat <<'END'

What next:
  . .venv/bin/activate                         then `onrecord` is on your path
  onrecord serve                               the page: search, listen, see how each name is known, cite
  onrecord quote ADDRESS                       one quote: what stood around it, how we know who spoke, how to cite it
  onrecord search 'consulted speaker:okafor'   find more; docs/search.md has the query language
  onrecord speakers 2024-05-14-public-safety   every voice, its name and the evidence
  onrecord add RECORDING                       your own meeting, then `onrecord run`

Guides: docs/clerks.md, docs/journalists.md, docs/researchers.md
END
