"""What docs/pictures/ shows; the tests hold that it is what is drawn.

``python -m tests.pictures.examples`` draws them anew: look at each before it is committed.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

from pwrbot.pictures import Chart, Leaderboard, Period, Picture, Row, Week, Year, heat, lines
from pwrbot.pictures import leaderboard as card
from pwrbot.pictures.fonts import Fonts
from pwrbot.views.wording import duration

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs" / "pictures"

PLAIN = ("Ada Lovelace", "Kaito", "Mira", "Noor", "Quinn", "Rosa", "Theo", "Uma", "Vik", "Wren")
ODD = (
    "山田太郎 さくら",
    "张伟🎉🔥",
    "한국어 이름",
    "محمد عبد الله",
    "שלום עולם (test) 123",
    "👩‍👩‍👧‍👦 Family 🇩🇪 1️⃣ ❤️ 👍🏽",
    "नमस्ते ภาษาไทย",
    "Z̸̡̢̛̗̟͇̥̱͓̼̫̿̽̑̎͐a̴̢̨̺͙͓̗̖̫͑̀l̶̛̮̦g̴̡̛o̷̢͙̅̆",
    "A name so long that it can never fit into a row of this card",
    "",
    "𝓕𝓪𝓷𝓬𝔂 ꧁ᴋɪɴɢ꧂ ☆",
    "\x00\u202eLine\nbreak\u200b\U000f0000",
)


def board(names: tuple[str, ...], count: int) -> Leaderboard:
    """The first has the most; the third is who asks."""
    rows = [
        Row(
            place=number + 1,
            name=names[number % len(names)],
            time=timedelta(minutes=(count - number) ** 2 * 7 + 12),
            words=duration(timedelta(minutes=(count - number) ** 2 * 7 + 12)),
            seed=number,
            marked=number == 2,
        )
        for number in range(count)
    ]
    return Leaderboard(
        "Voice leaderboard",
        "This month: 01 Mar 2026 00:00 to 18 Mar 2026 12:00, Europe/Berlin",
        rows,
        rows[0].time if rows else timedelta(),
    )


def year() -> Year:
    chance = random.Random(4)
    first, last = date(2025, 3, 19), date(2026, 3, 18)
    days = {
        first + timedelta(days=number): timedelta(hours=chance.random() ** 2 * 9)
        for number in range((last - first).days + 1)
        if chance.random() > 0.3
    }
    return Year("Ada's days in voice", "19 Mar 2025 to 18 Mar 2026", first, last, days)


def week() -> Week:
    chance = random.Random(5)
    hours = [
        timedelta(hours=max(0.0, chance.gauss(0, 0.8) + (2 if 17 < number % 24 < 23 else 0)))
        for number in range(168)
    ]
    return Week("Ada's week in voice", "This year, Europe/Berlin", hours)


def chart() -> Chart:
    chance = random.Random(6)

    def times(count: int, most: float) -> list[timedelta]:
        return [timedelta(hours=chance.random() * most) for _ in range(count)]

    return Chart(
        "Ada's time in voice by day",
        "This month",
        [f"{number} Mar" for number in range(1, 32)],
        [
            Period("March", times(18, 8)),
            Period("February", times(28, 6)),
            Period("January", times(31, 5)),
        ],
    )


EXAMPLES: dict[str, Callable[[Fonts], Picture]] = {
    "leaderboard-empty": lambda fonts: card.draw(board(PLAIN, 0), fonts),
    "leaderboard-1": lambda fonts: card.draw(board(PLAIN, 1), fonts),
    "leaderboard-10": lambda fonts: card.draw(board(PLAIN, 10), fonts),
    "leaderboard-200": lambda fonts: card.draw(board(PLAIN + ODD, 200), fonts),
    "leaderboard-names": lambda fonts: card.draw(board(ODD, len(ODD)), fonts),
    "year": lambda fonts: heat.draw_year(year(), fonts),
    "week": lambda fonts: heat.draw_week(week(), fonts),
    "chart": lambda fonts: lines.draw(chart(), fonts),
}


def main() -> None:
    fonts = Fonts()
    DOCS.mkdir(parents=True, exist_ok=True)
    for name, draw in EXAMPLES.items():
        (DOCS / f"{name}.png").write_bytes(draw(fonts).png)


if __name__ == "__main__":
    main()
