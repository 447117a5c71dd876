"""Topic in whole meetings: real ones on other subjects, in which nothing is about the topic."""

import html
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from analyse.codebook import load
from analyse.context import Sight, conversation, stretches
from analyse.records import Statement, Topic
from analyse.rules import tag_transcript
from transcribe.records import Meeting, Transcript, Word

CDP, QMSUM, HANSARD = "cdp_json", "qmsum_json", "parldata_xml"


def turns(path: Path) -> Iterator[tuple[str, str]]:
    """(voice, text) of a record of a meeting, in order."""
    if path.suffix == ".xml":
        for speech in re.finditer(r"<speech\b([^>]*)>(.*?)</speech>", path.read_text("iso-8859-1"), re.DOTALL):
            voice = re.search(r'speakerid="([^"]*)"', speech[1])
            yield voice[1] if voice else "", html.unescape(re.sub(r"<[^>]+>", " ", speech[2]))
        return
    found = json.loads(path.read_text(errors="replace"))
    if "sentences" in found:
        yield from ((str(s.get("speaker_index")), s["text"]) for s in found["sentences"])
    else:
        yield from ((t["speaker"], t["content"]) for t in found["meeting_transcripts"])


@pytest.mark.parametrize(
    "name",
    [
        f"{CDP}/example_whisper_output_transcript.json",
        f"{CDP}/generated_transcript_from_fake_captions.json",
        f"{QMSUM}/canada_covid_4.json",
        f"{QMSUM}/ami_ES2011a.json",
        f"{HANSARD}/commons_2009-10-27.xml",
        f"{HANSARD}/westminster_hall_2009-10-28.xml",
    ],
)
def test_no_false_alarm_in_whole_meetings_on_other_subjects(shared: Path, name: str) -> None:
    words, at = [], 0
    for voice, text in turns(shared / "captions" / name):
        for word in text.split():
            words.append(Word(text=word, start_ms=at, end_ms=at + 300, speaker=voice))
            at += 300
        at += 600
    made = Transcript(recording_sha256="0" * 64, language="en", engine="test", words=tuple(words), turns=())
    found = tag_transcript(made, Meeting(id="m", folder="m"), load("lfr-engagement"), "0" * 64)
    assert len(found.statements) > 5
    assert [s.text for s in found.statements if s.topic.about] == []
    assert found.topics == ()


def test_a_conversation_is_told_from_one_after_another_having_a_say() -> None:
    def turns_of(voices: str) -> list[Sight]:
        return [Sight(voice=v, new_voice=i == 0 or voices[i - 1] != v) for i, v in enumerate(voices)]

    assert conversation(turns_of("ABABACACDCDCAEAE")) == 1
    assert conversation(turns_of("ABCDEABCDEABCDE")) == 0
    assert conversation(turns_of("ABABABABAB")) == 0  # two voices can only take turns
    assert conversation(turns_of("AAAA")) == conversation([]) == 0
    assert conversation([Sight(voice=None, new_voice=i == 0) for i in range(9)]) == 0


def test_stretches_are_parted_where_the_item_changes() -> None:
    def said(start_ms: int, item: str, *, about: bool = True) -> Statement:
        return Statement(
            meeting="m",
            start_ms=start_ms,
            end_ms=start_ms + 5000,
            first_word=0,
            end_word=1,
            speaker="A",
            text="It.",
            topic=Topic(about=about, score=1.0),
            agenda_item=item,
        )

    found = stretches((said(0, "4"), said(6000, "4", about=False), said(12_000, "4"), said(18_000, "5")))
    assert [(r.start_ms, r.end_ms, r.n_statements, r.title) for r in found] == [
        (0, 17_000, 2, "4"),
        (18_000, 23_000, 1, "5"),
    ]
