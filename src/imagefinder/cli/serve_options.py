"""The options of `serve`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

PORT = 8000
MAX_UPLOAD_MEGABYTES = 20
TIMEOUT_SECONDS = 60
DECODING_MEGABYTES = 384
FEWEST_MEGABYTES = 64
_NETWORK = "Network"
_ACCESS = "Access"
_LIMITS = "Limits"

Port = Annotated[
    int,
    typer.Option(
        min=0,
        max=65535,
        metavar="PORT",
        help="Port to listen on; 0 for any free one.",
        rich_help_panel=_NETWORK,
    ),
]
Also = Annotated[
    list[str] | None,
    typer.Option(
        metavar="DB",
        help="Also serve this catalogue, made with another encoder; repeatable.",
        dir_okay=False,
        path_type=str,
    ),
]


Host = Annotated[
    str,
    typer.Option(
        metavar="ADDRESS",
        help="Address to listen on.",
        rich_help_panel=_NETWORK,
    ),
]
HostName = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME",
        help="Host name to accept requests for; repeatable, * for any.",
        rich_help_panel=_NETWORK,
    ),
]
Proxy = Annotated[
    list[str] | None,
    typer.Option(
        metavar="ADDRESS",
        help="Trust X-Forwarded-For and X-Forwarded-Prefix of this proxy; repeatable.",
        rich_help_panel=_NETWORK,
    ),
]
RootPath = Annotated[
    str,
    typer.Option(
        metavar="PATH",
        help="Path below which a proxy serves this server, such as /find.",
        rich_help_panel=_NETWORK,
    ),
]
Cors = Annotated[
    list[str] | None,
    typer.Option(
        metavar="ORIGIN",
        help="Allow requests from pages of this origin (CORS); repeatable, * for any.",
        rich_help_panel=_NETWORK,
    ),
]
Workers = Annotated[
    int | None,
    typer.Option(
        min=1,
        metavar="N",
        help="Processes that serve the port together; default: one for each core, "
        "and a single one with --writable.",
        rich_help_panel=_LIMITS,
    ),
]
Writable = Annotated[
    bool,
    typer.Option(
        "--writable",
        help="Allow adding and deleting images; creates the catalogue if it is missing.",
        rich_help_panel=_ACCESS,
    ),
]
Uploads = Annotated[
    Path | None,
    typer.Option(
        metavar="FOLDER",
        help="Store the files of added images here; without it, a thumbnail and the name of each "
        "are kept beside the catalogue, if that is a file.",
        file_okay=False,
        rich_help_panel=_ACCESS,
    ),
]
Watch = Annotated[
    list[str] | None,
    typer.Option(
        metavar="FOLDER",
        help="Keep the catalogue in step with this folder meanwhile; repeatable. "
        "Creates the catalogue if it is missing.",
        rich_help_panel=_ACCESS,
    ),
]
Root = Annotated[
    list[Path] | None,
    typer.Option(
        metavar="FOLDER",
        help="Serve files of imported images if they lie here; repeatable.",
        file_okay=False,
        rich_help_panel=_ACCESS,
    ),
]
ShowPaths = Annotated[
    bool,
    typer.Option(
        "--show-paths",
        help="Tell clients the folders of images: the list of copies to remove needs them, and "
        "so does browsing by folders.",
        rich_help_panel=_ACCESS,
    ),
]
Show = Annotated[
    str | None,
    typer.Option(
        metavar="NAMES",
        help="Metadata that the page shows, on each image and in its details, as in "
        "`--show title,price`; without it, details have all of them. The API returns all anyway.",
        rich_help_panel=_ACCESS,
    ),
]
Keys = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Require an API key from this file (see `imagefinder keys`).",
        dir_okay=False,
        rich_help_panel=_ACCESS,
    ),
]
Fetch = Annotated[
    bool,
    typer.Option(
        "--fetch",
        help="Allow searches by URL, for public addresses.",
        rich_help_panel=_ACCESS,
    ),
]
AllowPrivate = Annotated[
    bool,
    typer.Option(
        "--allow-private",
        help="With --fetch: also private addresses, for an intranet.",
        rich_help_panel=_ACCESS,
    ),
]
Mcp = Annotated[
    bool,
    typer.Option(
        "--mcp",
        help="Serve assistants by the Model Context Protocol, too, at /mcp; they may name files "
        "below --root.",
        rich_help_panel=_ACCESS,
    ),
]
Rate = Annotated[
    int | None,
    typer.Option(
        min=1,
        metavar="N",
        help="Requests per minute from one address; no limit if not given.",
        rich_help_panel=_LIMITS,
    ),
]
MaxUpload = Annotated[
    int,
    typer.Option(
        min=1, metavar="MB", help="Largest request body accepted.", rich_help_panel=_LIMITS
    ),
]
DecodingMemory = Annotated[
    int | None,
    typer.Option(
        min=FEWEST_MEGABYTES,
        metavar="MB",
        help="Memory for decoding images, all requests together, split among the workers; "
        f"default: {DECODING_MEGABYTES} for each.",
        rich_help_panel=_LIMITS,
    ),
]
Timeout = Annotated[
    float,
    typer.Option(
        min=0.1,
        metavar="SECONDS",
        help="Time limit for a response to begin.",
        rich_help_panel=_LIMITS,
    ),
]
