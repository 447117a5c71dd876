"""Make meetings whose every word, time and voice is known: committees of the made-up borough of Wrenbridge.

    python tests/bench/make_meetings.py CACHE_FOLDER OUTPUT_FOLDER [NAME …]      # the environment of make_sample.py

Writes OUTPUT_FOLDER/NAME/{meeting.flac,truth.json} for the NAMEs (all of them unless told), and skips what is there.
`try-…` meetings are for choosing settings; `kept-…` ones, in other voices, are for reporting what those settings do.

No sentence is spoken twice over all meetings, and of the short answers ("Aye.") none twice in one voice, so that no
sound appears twice in what is measured. truth.json can be read as a `reference/1` file and has also the people and
the turns: a person's sentences joined over pauses under half a second.
"""

import sys
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests import make_sample

JOIN_MS = 500  # pauses up to this are inside a turn
WORDS_PER_S = 2.6  # of these voices, breaths included

Script = dict[str, Any]


@dataclass(frozen=True)
class Plan:
    """A meeting to be made. The first voice is the chair's."""

    committee: str
    subjects: tuple[str, ...]
    voices: tuple[make_sample.Voice, ...]
    minutes: float = 5.0
    rt60_s: float = 0.3
    noise_snr_db: float = 27.0
    overlaps: float = 0.06  # share of turns that begin before the last has ended
    shares: dict[int, float] = field(default_factory=dict)  # of speech, by number of voice; others share alike


def like(voice: str, other: str) -> tuple[make_sample.Voice, make_sample.Voice]:
    """Two mixes of the same two voices, hard to tell apart."""
    return {voice: 0.75, other: 0.25}, {voice: 0.35, other: 0.65}


PLANS = {
    "try-five": Plan(
        "Highways Committee", ("roads", "buses"), ("bf_emma", "bm_george", "af_heart", "am_michael", "bm_fable"),
        rt60_s=0.35, noise_snr_db=24,
    ),
    "try-nine": Plan(
        "Policing and Crime Panel", ("cameras", "budget"),
        ("bm_george", "bf_emma", "am_adam", "af_heart", "bm_fable", "am_michael", "af_nova", "am_liam", "af_kore"),
        minutes=6.5, rt60_s=0.5, noise_snr_db=20, shares={8: 0.03},
    ),
    "try-three": Plan(
        "Licensing Sub-Committee", ("licensing",), ("af_heart", "am_adam", "bf_emma"),
        minutes=4, rt60_s=0.2, noise_snr_db=30, overlaps=0.12,
    ),
    "try-like": Plan(
        "Housing Committee", ("housing", "parks"),
        ("bm_fable", *like("am_michael", "am_liam"), "af_kore", "bf_emma", "af_nova"), minutes=5, rt60_s=0.4,
    ),
    "try-one": Plan("Cabinet", ("budget",), ("bm_george",), minutes=3, rt60_s=0.5, noise_snr_db=18),
    "kept-four": Plan(
        "Planning Committee", ("planning",), ("bf_isabella", "bm_daniel", "am_fenrir", "af_bella"),
        minutes=4.5, rt60_s=0.45, noise_snr_db=22,
    ),
    "kept-twelve": Plan(
        "Full Council", ("cameras", "libraries", "budget"),
        ("bm_lewis", "bf_alice", "am_fenrir", "af_sarah", "bm_daniel", "am_onyx", "bf_lily", "am_eric", "af_aoede",
         "bf_isabella", "am_puck", "af_bella"),
        minutes=8, rt60_s=0.4, noise_snr_db=24,
    ),
    "kept-seven": Plan(
        "Scrutiny Commission", ("cameras", "waste"),
        ("bf_alice", "am_puck", "bm_daniel", "af_bella", "am_onyx", "bf_lily", "bm_lewis"),
        minutes=6, rt60_s=0.55, noise_snr_db=18, overlaps=0.1, shares={6: 0.035},
    ),
    "kept-three": Plan(
        "Standards Sub-Committee", ("conduct",), ("bm_lewis", "bf_lily", "am_eric"), minutes=5, noise_snr_db=30,
    ),
    "kept-like": Plan(
        "Environment Committee", ("waste", "parks"),
        ("bf_isabella", *like("bm_daniel", "am_fenrir"), "af_aoede", "am_onyx"), minutes=5, rt60_s=0.35,
    ),
    "kept-one": Plan("Cabinet", ("libraries",), ("bf_lily",), minutes=3, rt60_s=0.3, noise_snr_db=24),
}  # fmt: skip

# -- people ---------------------------------------------------------------------------------------

# Given name, surname and, where the voices would say one of them wrongly, its phonemes. Nobody sits in two meetings.
PEOPLE = """
Adaeze Nwosu-Bright|Adaeze=adˈAzə,Nwosu=nəwˈQsuː; Siân Prydderch|Siân=ʃˈɑːn,Prydderch=pɹˈʌðəɹk;
Zbigniew Kowalik|Zbigniew=zbˈɪɡnjɛf; Farhana Chowdhery|Chowdhery=ʧˈWdəɹi;
Thuy Tranmer|Thuy=twˈiː; Ioannis Pappavas|Ioannis=jɒˈɑːnɪs;
Rajesh Venkatesan|Rajesh=ɹɑːʤˈɛʃ,Venkatesan=vˌɛŋkətˈɛsən; Seun Adeyanju|Seun=ʃˈAuːn,Adeyanju=ˌadAˈandʒuː;
Mairead Gillooly|Mairead=məɹˈAd,Gillooly=ɡɪlˈuːli; Kwabena Asamoah|Kwabena=kwabˈɛnə,Asamoah=ˌasəmˈQə;
Yusuf Demirel|Yusuf=jˈuːsʊf,Demirel=dˈɛmɪɹɛl; Xiulan Zhengzi|Xiulan=ʃuːlˈan,Zhengzi=ʤˈʌŋzi; Bronwen Llewelyn-Rees;
Giulia Ferranti|Giulia=ʤˈuːliə; Ingrid Solhaug|Solhaug=sˈɒlhWɡ; Tariq Mahmoodi|Tariq=tˈaɹɪk,Mahmoodi=mɑːmˈuːdi;
Winifred Oakshott; Dermot Cassidy-Shaw; Priya Raghunathan|Raghunathan=ɹˌɑːɡuːnˈɑːθən; Hamish Drumlanrig;
Nadia El-Hakim|Nadia=nˈɑːdiə; Takumi Hasegawa|Takumi=tˈakuːmi,Hasegawa=hˌasəɡˈɑːwə; Olena Marchenko|Olena=ɒlˈAnə;
Philippa Thistlewood; Curtis Braithwaite-Cole; Samira Haddadin|Haddadin=hadədˈiːn; Gethin Tudball|Gethin=ɡˈɛθɪn;
Blessing Okonjo|Okonjo=ɒkˈɒnʤQ; Marek Dvoracek|Marek=mˈaɹɛk,Dvoracek=dvˈɔːɹəʧɛk; Ayesha Lakhani;
Rosalind Peverell|Rosalind=ɹˈɒzəlɪnd;
Emeka Ugwuoke|Emeka=ɛmˈAkə,Ugwuoke=uːɡwuːˈQkA; Joaquim Teixeira|Joaquim=ʒwəkˈiːm,Teixeira=tAʃˈAɹə;
Harpreet Sandhawalia|Sandhawalia=sˌandəwˈɑːliə; Caoimhe Breslin|Caoimhe=kwˈiːvə; Mihai Dragomir|Mihai=mɪhˈI;
Leopold Ashgrove; Fatoumata Diallo-Kane|Fatoumata=fˌatuːmˈɑːtə; Svetlana Borisenko; Hywel Penhaligon|Hywel=hˈWəl;
Lakshmi Subramaniam; Ottoline Fairbrother; Kofi Amankwah|Amankwah=əmˈaŋkwə; Niamh Tolland|Niamh=nˈiːv;
Andrzej Wisniewski|Andrzej=ˈandʒA,Wisniewski=vɪʃnˈɛfski; Beatriz Caldeira; Desmond Oyelaran|Oyelaran=ˌQjəlˈɑːɹən;
Shabnam Qureshi-Lane; Torquil Mackinlay|Torquil=tˈɔːkwɪl; Mei-Ling Fong; Abena Mensah-Poole; Clement Birtwhistle;
Zainab Osmani|Zainab=zˈAnab; Petros Stavrakis; Ffion Gwilliam|Ffion=fˈiːɒn; Rupert Hollingbery;
Dilek Arslantas|Dilek=dɪlˈɛk;
Chukwuma Eze-Marsh|Chukwuma=ʧuːkwˈuːmə,Eze=ˈAzA; Marguerite Duchesne|Duchesne=duːʃˈAn; Isolde Trevanion
"""

SUBJECTS = {
    "roads": "the resurfacing of Tanner's Hill; the zebra crossing by St Bride's; the twenty zone on Mill Lane; "
    "the loose drains along Quay Street; the lorry ban over Heron Bridge; the broken kerbs in Weaver's Row",
    "buses": "the evening service to Ferry End; the shelters at Corn Exchange; the number nine on Sundays; "
    "the park and ride at Coldharbour; the fares for apprentices; the timetable for the school run",
    "cameras": "the watch list for the trial in Market Square; the facial recognition vans; "
    "the signs that warn people; the error rates by age and skin; the cost of each deployment; "
    "the consultation with young people; the oversight board's first report; "
    "the time that images are kept; the letter from the Superintendent",
    "budget": "the reserve for adult care; the savings in procurement; the rise in council tax; the pension deficit; "
    "the grants to small charities; the loan for the leisure centre; the vacancy freeze in planning",
    "licensing": "the late hours at the Lantern; the noise from the courtyard; the door staff on Fridays; "
    "the dispersal plan after midnight; the glass on the pavement; the taxi rank outside the Assembly Rooms",
    "housing": "the damp in Juniper House; the waiting list for three bedrooms; the lifts at Sorrel Court; "
    "the empty homes on Chapel Row; the repairs contractor; the deposits for care leavers; the cladding survey",
    "parks": "the paddling pool in Alder Park; the lime avenue; the allotments behind the gasworks; "
    "the bandstand roof; the dog bins by the weir; the wild flower verges; the floodlights on the top pitch",
    "planning": "the eleven flats at Cooper's Yard; the height of the gable; the access from Drovers Road; "
    "the loss of two copper beeches; the sunlight to the almshouses; the contribution for a surgery; "
    "the listed wall along the towpath",
    "libraries": "the opening hours at Ferry End library; the mobile library van; the reading groups for new parents; "
    "the local history room; the repairs to the reading room ceiling; the volunteers on Saturday mornings",
    "waste": "the food caddies; the missed rounds in Saltmarsh; the recycling rate; the depot on Smithy Lane; "
    "the fly tipping by the viaduct; the garden waste charge; the new electric lorries",
    "conduct": "the complaint about the e-mail; the register of interests; the remarks in the corridor; "
    "the training for new members; the independent person's advice; the draft apology",
}  # fmt: skip

# -- talk -----------------------------------------------------------------------------------------

# {it} is the subject, {name} somebody else in the room; other words in braces are drawn from PARTS.
SAYINGS = """
I have looked at {it}, and {finding}.
What worries me about {it} is that {finding}.
Residents {place} have written to me {often} about {it}.
Could officers tell us {when} what is being done about {it}?
We were told {then} that {it} would be settled, and {finding}.
If we put off {it} again, {result}.
I would rather spend {sum} on {it} than {waste}.
On {it}, I am {feeling}, because {finding}.
{name} made the point about {it} far better than I can.
I do not agree with {name} that {it} can wait.
The figures {then} showed that {it} cost us {sum}.
My question to {name} is simple: who answers for {it}?
Let us be clear that {it} matters to people {place}.
With respect, {name} has not been {place} to see {it}.
There are {number} objections to {it}, and {number2} letters in support.
Our own survey found that {number} in a hundred households care about {it}.
I moved {place} {number} years ago, and {it} has never been this bad.
So far as {it} is concerned, {result}.
When {name} and I visited {place}, {finding}.
The report says {sum} for {it}, which is {amount} than last year.
I should declare that my {relative} lives {place} and has a view on {it}.
Nobody {place} was asked about {it}, and {finding}.
Can I suggest that we bring {it} back {when}, once {wait}?
The officers have worked {hard} on {it}, and they deserve our thanks.
To be fair to {name}, {finding}.
It would help me to know whether {it} includes {extra}.
The trouble is not {it} as such, it is that {finding}.
Before we vote on {it}, I want {wait}.
Every ward {place} has a different story about {it}.
Last {month} a resident told me that {it} had kept her awake for {number} nights.
I am told that {sum} has been set aside for {it} {then}.
If {name} will second it, I move that we defer {it} until {month}.
We cannot go on treating {it} as somebody else's business when {finding}.
In {month} the committee asked for a plan for {it}; by {month2} nothing had come.
Perhaps {name} could write to us {when} about {it}.
"""

OPENINGS = """
Good evening, and welcome to the {committee}; I am {self} and I have the chair tonight.
We come to {it}, and I call {name}.
Thank you; next on {it} is {name}.
{name}, you had your hand up about {it}.
I will bring in {name} now, and then we move on from {it}.
{name}, would you answer that point about {it}?
Can we hear from {name} on {it}, please, and briefly?
That is noted, so over to {name} about {it}.
Let me stop you there, because {name} wants to come in on {it}.
On {it} I have {name} down to speak {when}.
"""

PARTS = {
    "finding": "nobody has counted the cost; the contractor keeps changing the date; half the signs have fallen down; "
    "the map in the appendix is wrong; the same three streets are left out; the answer depends on the county; "
    "the drawings do not match the text; it works well on paper and badly in the rain; we have heard nothing since; "
    "the older tenants feel forgotten; the young people had the best ideas; the numbers fell for the first time; "
    "the trial ended too soon to tell; the safeguards were an afterthought; the traders are quite content; "
    "the police were candid about the mistakes; the software was never tested here; the risk sits with us",
    "place": "in Saltmarsh; on the Alder estate; along the quay; in Ferry End; behind the station; at Coldharbour; "
    "near the old dairy; up on Tanner's Hill; round the market; across the river; by the infirmary; in the north wards",
    "often": "twice a week; since the spring; in some anger; more politely than I would; again and again; by the dozen",
    "when": "in the autumn; before the summer recess; by the end of the quarter; next Tuesday; within a fortnight; "
    "after the inspection; at the next meeting; before polling day; once the audit is done; in the new year",
    "then": "at the last meeting; a fortnight ago; in the spring; before the election; during the trial; last winter; "
    "when the audit came in; a year ago to the day; in the first quarter; at the public hearing",
    "sum": "four thousand pounds; a quarter of a million; eighteen hundred pounds a month; ninety pence a household; "
    "twelve and a half thousand; sixty thousand pounds; just under two million; seven pounds a head",
    "waste": "another consultant; a glossy leaflet; a second feasibility study; hiring more barriers; paying late fees",
    "feeling": "uneasy; hopeful; in two minds; firmly in favour; against; frankly puzzled; a little ashamed; relieved",
    "number": "three; seven; eleven; fourteen; nineteen; twenty six; forty; fifty two; sixty eight; eighty one; ninety",
    "number2": "two; five; nine; thirteen; sixteen; twenty two; thirty one; forty seven; seventy; eighty eight",
    "amount": "rather more; a third less; no better; nine per cent more; much the same and no more; far less",
    "relative": "sister; neighbour; late father; eldest son; business partner; aunt; former tenant; godmother",
    "result": "we will be back here in {month}; the county will decide for us; the grant goes elsewhere; "
    "people will simply stop writing to us; the winter will do the rest; the bill doubles; trust will be hard to mend; "
    "I shall vote against; we owe the public an explanation; somebody is going to be hurt",
    "wait": "the legal advice in front of me; the costings checked; a proper map; the views of the schools; "
    "an honest account of the first year; the regulator's reply; the minutes corrected",
    "hard": "all through {month}; with great patience; short-handed; late into the evening; against the clock",
    "extra": "the side streets; weekends; the cost of repairs; the hidden fees; anybody under eighteen; "
    "the outlying farms",
    "month": "January; February; March; April; May; June; July; August; September; October; November; December",
    "month2": "Easter; Whitsun; Michaelmas; harvest time; Christmas; the half term; polling day; midsummer",
}  # fmt: skip

PRESENT = ("Here.", "Aye.", "Present.", "Yes, Chair.", "I am here.", "Good evening.")
SHORT = (
    "Agreed.", "Hear, hear.", "Seconded.", "Quite so.", "Thank you, Chair.", "That is right.", "Not at all.", "Indeed.",
    "Well said.", "Of course.", "No, no.", "Absolutely.", "I agree.", "Against.", "Go on.", "Precisely.", "Exactly.",
)  # fmt: skip


class Talk:
    """Sentences, each of them once; short answers, each once in a voice."""

    def __init__(self) -> None:
        self.said: set[str] = set()
        self.answers: dict[str, list[str]] = {}

    def answer(self, choices: tuple[str, ...], rng: np.random.Generator, voice: make_sample.Voice) -> str | None:
        left = self.answers.setdefault(f"{voice} {choices[0]}", [str(c) for c in rng.permutation(choices)])
        return left.pop() if left else None

    def sentence(self, patterns: str, rng: np.random.Generator, fill: dict[str, str]) -> str:
        choices = [p for p in patterns.strip().splitlines()]
        while True:
            text = str(rng.choice(choices))
            while "{" in text:
                part = text[text.index("{") + 1 : text.index("}")]
                drawn = fill.get(part) or str(rng.choice(PARTS[part].split("; ")))
                text = text.replace("{" + part + "}", drawn, 1)
            text = text[0].upper() + text[1:]
            if text not in self.said:
                self.said.add(text)
                return text


def people() -> Iterator[tuple[str, dict[str, str]]]:
    """Names in full, with the phonemes of those that need them."""
    for entry in PEOPLE.replace("\n", " ").strip().split(";"):
        name, _, sounds = entry.strip().partition("|")
        yield name, dict(s.split("=") for s in sounds.split(",") if s)


def script(name: str, plan: Plan, talk: Talk, crowd: Iterator[tuple[str, dict[str, str]]]) -> Script:
    """What make_sample can speak, and the people."""
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    seats: list[dict[str, Any]] = []
    pronounce: dict[str, str] = {}
    for i, voice in enumerate(plan.voices):
        full, sounds = next(crowd)
        pronounce |= sounds
        officer = i and i == len(plan.voices) - 1
        seats.append(
            {
                "person": full.lower().replace(" ", "-"),
                "name": full,
                "role": "chair" if not i else "officer" if officer else "councillor",
                "called": full if officer else f"Councillor {full.split(' ', 1)[1]}",
                "voice": voice,
                "speed": round(float(rng.uniform(0.94, 1.06)), 2),
                "level_db": round(float(rng.uniform(-4, 3)), 1),
            }
        )
    return {
        "seed": zlib.crc32(name.encode()),
        "rt60_s": plan.rt60_s,
        "noise_snr_db": plan.noise_snr_db,
        "pronounce": pronounce,
        "speakers": seats,
        "turns": list(turns(plan, seats, talk, rng)),
    }


def turns(plan: Plan, seats: list[dict[str, Any]], talk: Talk, rng: np.random.Generator) -> Iterator[Script]:
    """Who says what, one turn after another, until the meeting is long enough."""
    chair, *others = range(len(seats))
    free = (1 - sum(plan.shares.values())) / max(1, len(others) - len(plan.shares))
    due = {i: plan.shares.get(i, free) for i in others}
    words_of = dict.fromkeys(range(len(seats)), 0)
    subjects = [s for subject in plan.subjects for s in SUBJECTS[subject].split("; ")]

    def turn(who: int, said: list[str], gap_s: float = 0.0) -> Script:
        words_of[who] += sum(len(text.split()) for text in said)
        return {"who": seats[who]["person"], "say": said, "gap_s": gap_s}

    def early() -> float:
        return -float(rng.uniform(0.3, 1.1)) if rng.random() < plan.overlaps else 0.0

    def fill(speaker: int, named: int | None = None) -> dict[str, str]:
        around = [i for i in range(len(seats)) if i != speaker] or [speaker]
        name = seats[int(rng.choice(around)) if named is None else named]["called"]
        it = subjects[min(len(subjects) - 1, sum(words_of.values()) * len(subjects) // n_words)]
        return {"name": name, "it": it, "committee": plan.committee, "self": seats[speaker]["called"]}

    n_words = round(plan.minutes * 60 * WORDS_PER_S)
    opening, *handovers = OPENINGS.strip().splitlines()
    yield turn(chair, [talk.sentence(opening, rng, fill(chair))])
    for i in (int(i) for i in rng.permutation(others)):
        if answer := talk.answer(PRESENT, rng, seats[i]["voice"]):
            yield turn(chair, [f"{seats[i]['name']}?"])
            yield turn(i, [answer])
    alone = "\n".join(p for p in SAYINGS.strip().splitlines() if "{name}" not in p)
    while sum(words_of.values()) < n_words:
        if not others:
            yield turn(chair, [talk.sentence(alone, rng, fill(chair)) for _ in range(3)], 0.4)
            continue
        speaker = min(others, key=lambda i: words_of[i] / due[i] + rng.uniform(0, n_words / 4))
        yield turn(chair, [talk.sentence("\n".join(handovers), rng, fill(chair, speaker))], early())
        n_sentences = 1 if speaker in plan.shares else int(rng.integers(1, 6))
        yield turn(speaker, [talk.sentence(SAYINGS, rng, fill(speaker)) for _ in range(n_sentences)], early())
        for other in (int(i) for i in rng.permutation(others)[: rng.integers(0, 3)]):
            if other == speaker or other in plan.shares:
                continue
            answer = talk.answer(SHORT, rng, seats[other]["voice"]) if rng.random() < 0.4 else None
            if answer:
                yield turn(other, [answer], -float(rng.uniform(0.8, 1.6)) if rng.random() < 4 * plan.overlaps else 0.0)
            else:
                yield turn(other, [talk.sentence(SAYINGS, rng, fill(other))], early())


# -- files ----------------------------------------------------------------------------------------


def joined(sentences: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Turns: each person's sentences, together where less than JOIN_MS is between them."""
    found: list[dict[str, Any]] = []
    last: dict[str, dict[str, Any]] = {}
    for s in sorted(sentences, key=lambda s: s["start_ms"]):
        before = last.get(s["speaker"])
        if before is not None and s["start_ms"] - before["end_ms"] < JOIN_MS:
            before["end_ms"] = max(before["end_ms"], s["end_ms"])
        else:
            last[s["speaker"]] = {k: s[k] for k in ("speaker", "start_ms", "end_ms")}
            found.append(last[s["speaker"]])
    return found


def main(cache: Path, out: Path, *names: str) -> None:
    make_sample.fetch(cache / "parts")
    talk, crowd = Talk(), people()
    for name, plan in PLANS.items():  # all are written, so that what one says does not hang on which are asked for
        written = script(name, plan, talk, crowd)
        folder = out / name
        if (names and name not in names) or (folder / "truth.json").exists():
            continue
        folder.mkdir(parents=True, exist_ok=True)
        clips = make_sample.placed(written, make_sample.Reader(cache, written["pronounce"]))
        make_sample.encode(make_sample.mixed(written, clips), folder / "meeting.flac")
        seats = [{**{k: s[k] for k in ("name", "role", "called")}, "id": s["person"]} for s in written["speakers"]]
        rows = make_sample.reference(written, clips)["sentences"]
        sentences = [{k: row[k] for k in ("speaker", "start_ms", "end_ms", "text")} for row in rows]
        make_sample.write(
            folder / "truth.json", "reference/1", {"people": seats, "turns": joined(sentences), "sentences": sentences}
        )


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]), *sys.argv[3:])
