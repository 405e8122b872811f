"""Pictures people share: plain data in, a PNG and its alternative text out. No Discord, no SQL."""

from pwrbot.pictures.avatars import AvatarCache
from pwrbot.pictures.heat import Week, Year, week_lines, year_lines
from pwrbot.pictures.leaderboard import MOST_ROWS, Leaderboard, Row
from pwrbot.pictures.lines import Chart, Period, chart_lines
from pwrbot.pictures.picture import ALTERNATIVE_TEXT_LIMIT, Picture, PictureUnavailable
from pwrbot.pictures.studio import Studio

__all__ = [
    "ALTERNATIVE_TEXT_LIMIT",
    "MOST_ROWS",
    "AvatarCache",
    "Chart",
    "Leaderboard",
    "Period",
    "Picture",
    "PictureUnavailable",
    "Row",
    "Studio",
    "Week",
    "Year",
    "chart_lines",
    "week_lines",
    "year_lines",
]
