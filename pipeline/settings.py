"""`data/onrecord.toml`: what people set for a whole data folder, where there is anything."""

import msgspec

from pipeline import toml_files
from pipeline.meetings import Layout
from search import links
from transcribe.records import Public, Record

EXAMPLES = {
    "public": 'public = "unnamed" (who came without an office is not shown by name), or "named"',
    "players": '[players] and, below it, "video.wrenbridge.example" = "?start={s}"',
}


class Settings(Record):
    """`players` says how the pages of a host are linked to a moment: host -> template, see `search.links`. `public`
    says whether people without an office are shown by name, where they do not say themselves."""

    public: Public = ""
    players: dict[str, str] = msgspec.field(default_factory=dict)


def read(layout: Layout) -> Settings:
    """The settings of a data folder; the usual ones where it has no such file. Raises Problem, with the line, for the
    first thing wrong with it."""
    settings, faults = examine(layout)
    if faults:
        raise faults[0].problem()
    return settings


def examine(layout: Layout) -> tuple[Settings, list[toml_files.Fault]]:
    """The settings as far as they can be read, and everything that is wrong with them.

    Raises Problem where the file cannot be read at all.
    """
    toml = toml_files.read(layout.settings)
    good, faults = toml_files.fields(toml, Settings, EXAMPLES)
    players = dict(good.get("players", {}))
    for host, template in list(players.items()):
        try:
            links.check_template(host, template)
        except ValueError as e:
            faults.append(toml.fault(str(e), "players", host, fix=f"write it so: {EXAMPLES['players']}"))
            del players[host]
    return Settings(public=good.get("public", ""), players=players), sorted(faults, key=lambda f: f.line or 0)
