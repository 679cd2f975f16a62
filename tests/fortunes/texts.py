# fortunes/texts.py - real texts in many languages and scripts: Debian's fortunes, and generated Hangul, emoji, ...
import os
import random

FORTUNES = "/usr/share/games/fortunes"
TEXT_BYTES = 16 * 1024


def collections():
    """Every text of Debian's collections: {path of the collection: [text, ...]}, each file once."""
    found, seen = {}, set()
    for folder, folders, files in os.walk(FORTUNES, followlinks=True):
        folders.sort()
        for name in sorted(files):
            path = os.path.realpath(os.path.join(folder, name))
            if name.endswith((".dat", ".u8")) or path in seen:
                continue
            seen.add(path)
            with open(path, "rb") as file:
                texts = split(file.read())
            if texts:
                found[os.path.relpath(path, FORTUNES)] = texts
    return found


def split(raw):
    """Texts stand between lines of a single %."""
    text = raw.decode("utf-8")
    parts = ("\n" + text + "\n").split("\n%\n")
    parts = [part.strip("\n") for part in parts]
    return [part for part in parts if part.strip() and "\0" not in part and len(part.encode()) <= TEXT_BYTES]


def hangul(dice):
    words = ("".join(chr(dice.randrange(0xAC00, 0xD7A4)) for _ in range(dice.randint(1, 5))) for _ in range(dice.randint(2, 30)))
    jamo = "".join(chr(0x1100 + dice.randrange(19)) + chr(0x1161 + dice.randrange(21)) for _ in range(4))
    return " ".join(words) + " " + jamo


def emoji(dice):
    people = ["\U0001F468", "\U0001F469", "\U0001F9D1", "\U0001F467", "\U0001F466"]
    tones = ["", *(chr(0x1F3FB + n) for n in range(5))]
    trades = ["\U0001F33E", "\U0001F373", "\U0001F680", "\u2695\uFE0F", "\U0001F4BB"]
    made = []
    for _ in range(dice.randint(1, 20)):
        made.append(dice.choice([
            lambda: "\u200D".join(dice.choice(people) for _ in range(dice.randint(2, 4))),
            lambda: dice.choice(people) + dice.choice(tones) + "\u200D" + dice.choice(trades),
            lambda: chr(0x1F1E6 + dice.randrange(26)) + chr(0x1F1E6 + dice.randrange(26)),
            lambda: str(dice.randrange(10)) + "\uFE0F\u20E3",
            lambda: "\U0001F3F4\U000E0067\U000E0062\U000E0073\U000E0063\U000E0074\U000E007F",
            lambda: chr(dice.randrange(0x1F600, 0x1F650)),
        ])())
    return dice.choice(["", " "]).join(made)


def combining(dice):
    return "".join(dice.choice("aeiouyncsz\u0915\u0924\u0E01\u0E14") +
                   "".join(chr(dice.randrange(0x300, 0x370)) for _ in range(dice.randint(0, 8)))
                   for _ in range(dice.randint(3, 40)))


def right_to_left(dice):
    hebrew = lambda: "".join(chr(dice.randrange(0x5D0, 0x5EB)) for _ in range(dice.randint(2, 7)))
    arabic = lambda: "".join(chr(dice.randrange(0x627, 0x64B)) for _ in range(dice.randint(2, 7)))
    marks = ["\u200F", "\u200E", "\u202B", "\u202C", "\u2067", "\u2069", " ", " "]
    return "".join(dice.choice([hebrew, arabic, lambda: "abc 123"])() + dice.choice(marks)
                   for _ in range(dice.randint(2, 20)))


def odd(dice):
    """What breaks careless code: controls, quotes, escapes, lines of all kinds, planes beyond the first."""
    pieces = ['"', "\\", "\\u0041", "\\\\\"", "</script>", "\u2028", "\u2029", "\r\n", "\n", "\t", "\b", "\f", "\x1b[31m",
              "\x01", "\x1f", "\x7f", "\u0085", "\uFEFF", "\uFFFD", "\uFFFE", "\uFFFF", "\U0010FFFF", "\U00010000",
              "\U0001D11E", "%s%n", "'; --", "{}", "[", "null", "\uD7FF", "\uE000"]
    return "".join(dice.choice(pieces) for _ in range(dice.randint(1, 40))) + "."


GENERATED = {"hangul": hangul, "emoji": emoji, "combining marks": combining, "right to left": right_to_left, "odd": odd}


def script_of(path):
    """The language (a folder), "generated ...", "chinese", or Debian's English collections."""
    if os.sep in path:
        return path.split(os.sep)[0]
    return path if path.startswith("generated") or path == "chinese" else "top"


def choose(wanted, seed):
    """wanted pairs (collection, text): one collection after the other in turn, a tenth of them generated."""
    dice = random.Random(seed)
    pools = collections()
    if not pools:
        raise SystemExit(f"no texts in {FORTUNES}: apt-get install fortunes fortunes-ru fortunes-zh ...")
    available = sum(len(texts) for texts in pools.values())
    makers = list(GENERATED.items())
    chosen = [("generated " + makers[n % len(makers)][0], makers[n % len(makers)][1](dice))
              for n in range(max(len(makers), wanted // 10))]
    for texts in pools.values():
        dice.shuffle(texts)
    names = sorted(pools)
    while len(chosen) < wanted and names:
        for name in list(names):
            if len(chosen) < wanted:
                chosen.append((name, pools[name].pop()))
            if not pools[name]:
                names.remove(name)
    dice.shuffle(chosen)
    return chosen, available, len(pools)
