"""The rules: topic from what stands around, codes with their words, stance and whose it is."""

import time

import pytest

from analyse.codebook import load, read
from analyse.records import Statements
from analyse.rules import TAGGER, Reading, tag_text, tag_transcript
from transcribe.records import AgendaItem, Meeting, SpeakerName, Transcript, Word

BOOK = load("lfr-engagement")
PARK = "The playground in Tannery Park needs new swings, and the parks team will look at the lighting by the gate."
AGENDA = (
    AgendaItem(item=4, title="Tannery Park"),
    AgendaItem(item=5, title="Live facial recognition on Cooper Street"),
)


def meeting(*turns: tuple[str, str], agenda: tuple[AgendaItem, ...] = ()) -> Statements:
    """A meeting in which each (voice, text) follows on the one before."""
    words = []
    at = 0
    for voice, text in turns:
        for word in text.split():
            words.append(Word(text=word, start_ms=at, end_ms=at + 300, speaker=voice, confidence=0.9))
            at += 300
        at += 500
    made = Transcript(recording_sha256="0" * 64, language="en", engine="test", words=tuple(words), turns=())
    return tag_transcript(made, Meeting(id="m", folder="m", agenda=agenda), BOOK, "1" * 64)


def about(found: Statements, part: str) -> bool:
    (statement,) = [s for s in found.statements if part in s.text]
    return statement.topic.about


def read_as(text: str) -> Reading:
    return tag_text(text, BOOK, about=True)


def codes(text: str) -> set[str]:
    return {t.code for t in read_as(text).tags}


# -- topic ------------------------------------------------------------------------------------------


def test_a_statement_that_names_nothing_is_on_topic_where_it_stands() -> None:
    found = meeting(
        ("A", "The force used live facial recognition on Cooper Street last month."),
        ("B", "And how were residents told? It was just a tweet, the night before."),
        ("A", "There were signs beside the facial recognition van as well."),
    )
    (tweet,) = [s for s in found.statements if "tweet" in s.text]
    assert tweet.topic.about
    assert "facial recognition is named" in tweet.topic.reason
    assert tweet.topic.first_word is not None
    assert not about(
        meeting(("A", PARK), ("B", "And how were residents told? It was just a tweet, the night before.")), "tweet"
    )


def test_the_chair_opens_and_closes_the_topic() -> None:
    found = meeting(
        ("A", PARK),
        ("Chair", "Item five, live facial recognition."),
        ("B", "Nobody in my ward was asked about it before it came."),
        ("Chair", "Thank you. Item four, Tannery Park."),
        ("B", "Nobody in my ward was asked about that either."),
        agenda=AGENDA,
    )
    assert about(found, "before it came")
    assert not about(found, "that either")
    assert (found.statements[0].agenda_item, found.statements[-1].agenda_item) == ("", "4. Tannery Park")


def test_another_subject_named_in_the_discussion_is_not_on_topic() -> None:
    found = meeting(
        ("A", "Live facial recognition was used on Cooper Street on Friday."),
        ("B", "CCTV on the estate has been broken since the winter and nobody has repaired it."),
        ("A", "The facial recognition figures will be published next week."),
    )
    assert not about(found, "CCTV")


def test_the_discussion_comes_back_after_a_neighbouring_subject_and_is_one_stretch() -> None:
    found = meeting(
        ("A", "Live facial recognition was used on Cooper Street on Friday."),
        ("B", "CCTV on the estate has been broken since the winter and nobody has repaired it."),
        ("C", "I am worried about this technology, because the vans came without any notice."),
    )
    assert [s.topic.about for s in found.statements] == [True, False, True]
    (stretch,) = found.topics
    assert (stretch.start_ms, stretch.end_ms, stretch.n_statements) == (0, found.statements[-1].end_ms, 2)


def test_a_minute_on_something_else_parts_two_stretches() -> None:
    named = ("A", "Live facial recognition was used on Cooper Street on Friday.")
    assert len(meeting(named, *[("B", PARK)] * 10, named).topics) == 2
    assert meeting(("B", PARK)).topics == ()


def test_items_are_placed_where_they_are_opened_and_nowhere_else() -> None:
    unheard = AgendaItem(item=6, title="Date of the next meeting")
    found = meeting(
        ("Chair", "Item four, Tannery Park."),
        ("B", PARK),
        ("Chair", "Item five."),
        ("B", "The vans were on Cooper Street, as we heard under item four."),
        agenda=(*AGENDA, unheard),
    )
    park, faces, last = found.items
    assert (park.start_ms, park.end_ms, park.reason) == (0, faces.start_ms, "its number and title are said")
    assert (faces.end_ms, faces.reason) == (found.statements[-1].end_ms, "its number is said")
    assert (last.start_ms, last.end_ms, last.first_word) == (None, None, None)


def test_a_number_out_of_order_places_nothing_without_its_title() -> None:
    items = tuple(AgendaItem(item=n, title=title) for n, title in ((2, "Apologies"), (3, "Minutes"), (4, "Swings")))
    found = meeting(
        ("Chair", "Item two, apologies."),
        ("Chair", "Item four."),
        ("Chair", "Item three, the minutes."),
        ("Chair", "Item four, swings."),
        agenda=items,
    )
    assert [s.agenda_item for s in found.statements] == ["2. Apologies", "2. Apologies", "3. Minutes", "4. Swings"]


def test_the_topic_fades() -> None:
    later = [
        ("B", f"The accounts of fund {n} were closed in good time and the auditor has signed them.") for n in "abcdefgh"
    ]
    found = meeting(("A", "Live facial recognition was used on Friday."), *later)
    assert not about(found, "fund h")


def test_people_who_answer_each_other_go_on_with_what_was_named_once_until_their_words_are_others() -> None:
    named = ("Cllr Imre", "The appendix says that facial recognition came to the High Street on three days in June.")
    asked = [
        ("Cllr Hask", "I saw the appendix, and it is four lines about those three days. Who was asked beforehand?"),
        ("Cllr Imre", "Nobody. The partnership had it to note in June, after the first of the days."),
        ("Cllr Hask", "After the first day! I sit on the partnership and I never saw it on a paper to note."),
        ("Cllr Imre", "It is in the minutes of the partnership, and the first day had been and gone by then."),
        ("Cllr Hask", "Then the High Street had three days of it and the partnership had four lines."),
    ]
    festival = [
        ("Ms Lyle", "The festival wants twelve thousand people in the meadow over two evenings, with stewards."),
        ("Cllr Hask", "Will the festival have stewards in the meadow until midnight, when people walk home?"),
        ("Ms Lyle", "The stewards stay in the meadow until one, and the festival pays them."),
        ("Cllr Hask", "I am content with the stewards, but the festival ran out of toilets by the evening."),
        ("Ms Lyle", "There will be twice the toilets in the meadow this time."),
    ]
    found = meeting(named, *asked, *festival)
    said = {s.speaker: [o.topic.about for o in found.statements if o.speaker == s.speaker] for s in found.statements}
    assert all(said["Cllr Imre"])
    assert not any(said["Ms Lyle"])
    assert about(found, "never saw it on a paper")
    assert not about(found, "ran out of toilets")


def test_a_chair_who_counts_the_items_will_open_the_next_one_too() -> None:
    opened = ("Chair", "Item four, live facial recognition on Cooper Street.")
    long = [
        (f"Member {n}", f"On the {n}th two of us sat in the kitchen with a leaflet, and then we rang.")
        for n in range(4, 12)
    ]
    counted = meeting(("Chair", "Item two, apologies."), ("Chair", "Item three, the minutes."), opened, *long)
    skipped = meeting(("Chair", "Item one, apologies."), opened, *long)
    assert counted.statements[5].topic.about
    assert not skipped.statements[5].topic.about
    assert not any(s.topic.about for s in skipped.statements[-6:])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Thirty thousand faces went past the cameras that afternoon.", True),
        ("LFR was used twice in Wrenbridge.", True),
        ("I unlock my phone with facial recognition.", False),
        ("Shops that use facial recognition share the pictures with the police.", True),
        ("The police brought facial recondition to Wrenbridge.", True),
        ("We saw the live facial wreck ignition on Friday.", True),
        ("The officers' L.F.R. was switched on.", True),
        ("The surgery treats facial conditions.", False),
        ("In recognition of her service, a familiar face was thanked.", False),
        ("CCTV, number plate cameras and body-worn video were switched on.", False),
        ("We met the residents face to face.", False),
        ("The bins were not emptied.", False),
    ],
)
def test_topic_of_a_statement_alone(text: str, expected: bool) -> None:
    assert tag_text(text, BOOK).topic.about is expected


def test_context_settles_the_topic() -> None:
    text = "The vans will be on the high street on Friday."
    assert tag_text(text, BOOK, context="Agenda item: live facial recognition").topic.about
    assert not tag_text(text, BOOK, context="Agenda item: Tannery Park").topic.about


# -- codes ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("code", "text"), [(c.code, e) for c in BOOK.codes for e in c.examples])
def test_the_codebooks_own_examples(code: str, text: str) -> None:
    assert code in codes(text)


def test_a_tag_points_at_its_words() -> None:
    text = "On Friday the force told nobody, and there was no consultation of any kind."
    tags = {t.code: " ".join(text.split()[t.first_word : t.end_word]) for t in read_as(text).tags}
    assert tags["consultation"] == "consultation"
    assert tags["notification"] == "told nobody,"


def test_nothing_off_topic_is_coded() -> None:
    reading = tag_text("Nobody consulted us on the playground.", BOOK)
    assert (reading.tags, reading.stance) == ((), None)


def test_what_is_not_proposed_is_no_recommendation() -> None:
    assert "recommendation" in codes("I recommend that it be paused.")
    assert "recommendation" not in codes("I do not recommend anything tonight.")


def test_a_codebook_without_a_topic_is_about_its_codes() -> None:
    book = read(b'name="n"\nversion=1\n[[codes]]\ncode="loud"\nname="L"\ndefinition="D"\ncues=["loud"]\n')
    assert tag_text("It is loud.", book).topic.about
    assert not tag_text("It is quiet.", book).topic.about
    assert tag_text("It is loud.", book).stance is None


# -- stance -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "stance", "holder"),
    [
        ("I am deeply worried about this, and it is intrusive.", "concerned", "speaker"),
        ("I welcome it. It keeps our streets safe.", "supportive", "speaker"),
        ("I do not support it.", "concerned", "speaker"),
        ("I am not worried about it.", "supportive", "speaker"),
        ("The van was on Cooper Street from ten until four.", "neutral", "speaker"),
        ("How accurate is it?", "neutral", "speaker"),
        ("Does she accept that this is discriminatory and intrusive?", "concerned", "speaker"),
        ("The police told us that residents support this.", "supportive", "reported"),
        ("According to the traders it is intrusive.", "concerned", "reported"),
        ("The police say that it is accurate, but I fear that it is intrusive.", "concerned", "speaker"),
        ("It is accurate and effective. It is also intrusive and dangerous.", "mixed", "speaker"),
        ("It must be lawful and proportionate.", "neutral", "speaker"),
        # whose it is
        ("The superintendent has repeatedly said that it is effective.", "supportive", "reported"),
        ("It is intrusive and dangerous for all of us, campaigners say.", "concerned", "reported"),
        ("We have been told that it is accurate.", "supportive", "reported"),
        ("I have said before that it is intrusive.", "concerned", "speaker"),
        ("It has to be said that it is intrusive.", "concerned", "speaker"),
        ("As my colleague rightly said, it is intrusive.", "concerned", "speaker"),
        ("Residents say that it is intrusive, and I agree with them.", "concerned", "speaker"),
        ("Nobody told us that the van was coming.", "concerned", "speaker"),
        ("This report is a whitewash.", "concerned", "speaker"),
        # negation, questions, rules, hints
        ("Our liberties are not at risk from it.", "supportive", "speaker"),
        ("Why on earth is it so intrusive?", "concerned", "speaker"),
        ("Is it intrusive?", "neutral", "speaker"),
        ("It shall be unlawful for an agency to use it in a discriminatory manner.", "neutral", "speaker"),
        ("We shall go on saying that it is intrusive.", "concerned", "speaker"),
        ("Four arrests came of it.", "supportive", "speaker"),
        ("Four arrests came of it, and it is an outrage.", "concerned", "speaker"),
        # what is granted weighs less than what is meant, before and behind, and most of all what follows "but"
        ("It is accurate but it is intrusive.", "concerned", "speaker"),
        ("It is intrusive but it is accurate.", "supportive", "speaker"),
        ("It is accurate and it is intrusive.", "mixed", "speaker"),
        ("It is intrusive, and I accept that it is accurate.", "concerned", "speaker"),
        ("I do not believe for one moment that it is accurate.", "concerned", "speaker"),
        ("It is not only intrusive.", "concerned", "speaker"),
        ("We must say that it is intrusive.", "concerned", "speaker"),
        # whose words they are ends with the sentence
        ("The police told us that it is accurate. It is intrusive.", "concerned", "speaker"),
        ("According to the force it is accurate. It is intrusive.", "concerned", "speaker"),
        ("We were told that it is accurate. It is intrusive.", "concerned", "speaker"),
        ("It is intrusive. We were told that it is accurate.", "concerned", "speaker"),
        ("It is intrusive. According to the force it is accurate.", "concerned", "speaker"),
        ("It is intrusive. The commander said that it is accurate.", "concerned", "speaker"),
        ("It is intrusive for all who live here, although the force said that it is accurate.", "concerned", "speaker"),
    ],
)
def test_stance_and_whose_it_is(text: str, stance: str, holder: str) -> None:
    view = read_as(text).stance
    assert view is not None
    assert (view.stance, view.holder) == (stance, holder)


# -- a whole meeting --------------------------------------------------------------------------------


def test_reasons_to_listen_first() -> None:
    words = (
        Word(text="Nobody", start_ms=0, end_ms=300, speaker="S1", confidence=0.2, speaker_margin=0.1, overlap=True),
        Word(text="asked.", start_ms=300, end_ms=600, speaker="S1", confidence=0.9, speaker_margin=9.0),
        Word(text="Quite.", start_ms=900, end_ms=1200, speaker="S2", confidence=0.9, speaker_margin=9.0),
    )
    names = (
        SpeakerName(label="S1", display="Jo Okafor", person="jo-okafor", status="inferred"),
        SpeakerName(label="S2", display="Imelda Quayle", person="imelda-quayle", status="confirmed"),
    )
    made = Transcript(recording_sha256="0" * 64, language="en", engine="test", words=words, turns=(), names=names)
    first, second = tag_transcript(made, Meeting(id="m", folder="m"), BOOK, "1" * 64).statements
    assert first.listen_first == ("words unsure", "voice unsure", "people talk at once", "name inferred, not confirmed")
    assert second.listen_first == ()


def test_a_meeting_without_words_has_no_statements() -> None:
    found = meeting()
    assert (found.statements, found.tagger, found.codebook) == ((), TAGGER, BOOK.id)


def test_a_long_meeting_is_tagged_in_seconds() -> None:
    told = "The facial recognition van was on Cooper Street again and nobody had told the traders beforehand, Chair."
    turns = [("A" if n % 2 else "B", told if n % 3 else PARK) for n in range(1700)]
    began = time.process_time()
    found = meeting(*turns)
    assert time.process_time() - began < 5  # about one second; the bound tells when it grows faster than the meeting
    assert found.statements[-1].end_word >= 29_000
