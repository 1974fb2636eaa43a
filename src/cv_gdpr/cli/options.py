"""The options that several commands share."""

from functools import partial, wraps
from typing import Any, cast

import click

from cv_gdpr.cli.option_types import (
    Age,
    ChoiceOfConnection,
    FilePath,
    ImageId,
    MetadataPair,
    Moment,
    OfConnection,
    OneLanguage,
    OnePerLine,
    Probability,
    Rate,
    Seconds,
    Words,
)
from cv_gdpr.cli.parameters import Decorated, merged, only_typed, option, precedence, together
from cv_gdpr.cli.screen import Quiet

AUTH = ("key", "entra")
CLOUDS = ("public", "usgov", "china")
_LOG = "cv_gdpr.log"  # in a context's `meta`: where --log-file comes from, and its value


def _be_quiet(ctx: click.Context, _: click.Parameter, value: bool) -> bool:
    Quiet.on = Quiet.on or (value and not ctx.resilient_parsing)
    return value


def _keep_log(ctx: click.Context, _: click.Parameter, path: str | None) -> None:
    """Remember the log of the run: that after ROW counts, unless the one before is typed and this is a variable's."""
    source = precedence(ctx, "log_file")
    if path and not ctx.resilient_parsing and source >= ctx.meta.get(_LOG, (0,))[0]:
        ctx.meta[_LOG] = source, path


_log_file_option = option(
    "--log-file",
    metavar="FILE",
    expose_value=False,
    callback=_keep_log,
    help="Append a line of JSON to FILE for each call: time, operation, status, request id; no contents, no keys.",
)


def log_option(function: Decorated) -> Decorated:
    """Declare --log-file; the log is opened when all options are known: before or after ROW, --out may be given."""

    @wraps(function)
    def logged(*arguments: Any, **options: Any) -> Any:
        ctx = click.get_current_context()
        if _LOG in ctx.meta and not ctx.invoked_subcommand:
            from cv_gdpr.cli.log_file import begin

            begin(ctx.command_path, ctx.meta[_LOG][1], merged(ctx))
        return function(*arguments, **options)

    return _log_file_option(cast("Decorated", logged))


output_options = together(
    option("-q", "--quiet", is_flag=True, callback=_be_quiet, help="Print errors only."),
    option("-v", "--verbose", count=True, help="Print more detail; -vv: also the traceback of an error."),
    option("--json", "as_json", is_flag=True, help="Print the result as one JSON document."),
    log_option,
)

record_options = together(
    option(
        "--reference",
        type=Words(),
        metavar="TEXT",
        help="Your reference (a file number, a request), kept as it is with the result.",
    ),
    option("--operator", type=Words(), metavar="TEXT", help="Who does this, kept as it is with the result."),
)

_lang = partial(
    option,
    "--lang",
    type=OneLanguage(),
    default="en",
    show_default=True,
    metavar="en|de|es|pt|zh",
)
_annex_option = option("--annex", is_flag=True, help="The certificate also lists every id, on pages behind the first.")
certificate_options = together(
    _annex_option,
    _lang(
        default=None,
        show_default=False,
        help="The language of the certificate; the evidence itself is in English. Default: en, or that of the run that "
        "this one resumes.",
    ),
)
later_certificate_options = together(
    option(
        "--names",
        type=FilePath(),
        metavar="FILE",
        help="A certificate that shows projects by their names, besides those that the one before it shows: CSV with "
        "the columns id and name, what cv-gdpr list projects --all --csv prints, or an export's data/projects.jsonl.",
    ),
    option("--no-names", is_flag=True, help="A certificate without the names that the one before it shows."),
    option(
        "--annex/--no-annex",
        default=None,
        help="A certificate that also lists every id, on pages behind the first; or none of them. "
        "Default: as the one before it.",
    ),
    _lang(default=None, show_default=False, help="A certificate in this language. Default: that of the erasure."),
    option(
        "--out",
        type=FilePath(),
        metavar="FOLDER",
        help="Write into this new folder, with a copy of the evidence and of all beside it; it stays as it is.",
    ),
)
lang_option = _lang(help="The language of what people read in the result.")

seal_options = together(
    option(
        "--sign",
        "sign_with",
        type=FilePath(),
        metavar="KEY",
        help="Sign the result with this SSH key: a private key, or a public one whose other half an agent or a "
        "hardware token holds.",
    ),
    option(
        "--timestamp",
        "timestamp_from",
        metavar="URL",
        help="Have the result time-stamped by this authority (RFC 3161; only a hash is sent; needs cv-gdpr[evidence]).",
    ),
)

_profile_option = option(
    "--profile",
    type=OfConnection(),
    metavar="NAME",
    help="Use this profile of config.toml: its endpoint and key, in place of those in the environment.",
)
_one_resource_options = together(
    option(
        "--endpoint",
        type=OfConnection(),
        metavar="URL",
        help="Endpoint of the training resource. Default: CV_GDPR_ENDPOINT, else VISION_TRAINING_ENDPOINT.",
    ),
    option(
        "--key-file",
        type=OfConnection(),
        metavar="PATH",
        help="Read the training key from this file (-: standard input). Default: the key in CV_GDPR_TRAINING_KEY, else "
        "in VISION_TRAINING_KEY. No option takes the key itself.",
    ),
    option(
        "--key-command",
        type=OfConnection(),
        metavar="COMMAND",
        help="Run this command, without a shell; its standard output is the training key.",
    ),
    option(
        "--auth",
        type=ChoiceOfConnection(AUTH),
        help="Sign in with the training key, or with Microsoft Entra ID (managed identity, az login, ...; needs "
        "cv-gdpr[azure]). Default: CV_GDPR_AUTH, else key.",
    ),
    option(
        "--cloud",
        type=ChoiceOfConnection(CLOUDS),
        help="The cloud to sign in to. Default: CV_GDPR_CLOUD, else public.",
    ),
    option(
        "--resource-id",
        type=OfConnection(),
        metavar="ID",
        help="The Azure resource, for the row account: its id as the portal shows it under Properties. Signs in with "
        "Microsoft Entra ID (needs cv-gdpr[azure]). Default: CV_GDPR_RESOURCE_ID.",
    ),
    option(
        "--subscription",
        type=OfConnection(),
        metavar="ID",
        help="In place of --resource-id: find the resource in this subscription by its endpoint. Default: "
        "CV_GDPR_SUBSCRIPTION.",
    ),
    option(
        "--resource-manager",
        type=OfConnection(),
        metavar="URL",
        help="Address of Azure Resource Manager. Default: CV_GDPR_RESOURCE_MANAGER, else that of the cloud.",
    ),
)
resource_options = together(
    _profile_option,
    only_typed(
        "--all-profiles", is_flag=True, help="Run this for each profile of config.toml: a result for each of them."
    ),
    _one_resource_options,
)

_pace_options = together(
    option(
        "--calls-per-second",
        type=Rate(),
        default=10.0,
        show_default=True,
        metavar="N",
        help="Send at most this many API calls a second; 0: no limit.",
    ),
    option(
        "--patience",
        type=Seconds(),
        default=120.0,
        show_default=True,
        metavar="SECONDS",
        help="How long to retry a failing call or download.",
    ),
    option(
        "--read-timeout",
        type=Seconds(0.1),
        default=60.0,
        show_default=True,
        metavar="SECONDS",
        help="How long an answer may stall before it is retried.",
    ),
)
connection_options = together(resource_options, _pace_options)
one_connection_options = together(_profile_option, _one_resource_options, _pace_options)

scope_options = together(
    only_typed("--all", "all_projects", is_flag=True, help="Every project of the resource."),
    only_typed(
        "--project", "projects", multiple=True, type=OnePerLine(), metavar="P", help="Project name or id; repeats."
    ),
)

selector_options = together(
    only_typed(
        "--tag",
        "tags",
        multiple=True,
        type=OnePerLine(),
        metavar="NAME",
        help="Only images with this tag, and the tag; repeats.",
    ),
    only_typed(
        "--metadata",
        multiple=True,
        type=MetadataPair(),
        metavar="KEY=VALUE",
        help="Only images with this metadata; repeats.",
    ),
    only_typed(
        "--image-id",
        "image_ids",
        multiple=True,
        type=ImageId(),
        metavar="ID",
        help="Only this image or stored prediction; repeats.",
    ),
    only_typed(
        "--image-ids-file",
        metavar="FILE",
        help="Only the images and stored predictions listed in this file, one id per line (-: standard input).",
    ),
    only_typed(
        "--except-ids-file",
        metavar="FILE",
        help="Never the images and stored predictions listed in this file: what a legal hold keeps.",
    ),
    only_typed(
        "--predicted-tag",
        "predicted_tags",
        multiple=True,
        type=OnePerLine(),
        metavar="NAME",
        help="Only stored predictions of this tag: where it is the most probable one; repeats.",
    ),
    only_typed(
        "--min-probability",
        type=Probability(),
        metavar="P",
        help="With --predicted-tag: wherever the tag was predicted with at least this probability.",
    ),
    only_typed(
        "--iteration",
        "iterations",
        multiple=True,
        type=OnePerLine(),
        metavar="NAME",
        help="Only this iteration (name or id), with its performance and exported models; repeats.",
    ),
    only_typed(
        "--before",
        type=Moment(),
        metavar="DATE",
        help="Only images, stored predictions and iterations created before this (ISO 8601; without an offset: UTC).",
    ),
    only_typed(
        "--older-than",
        type=Age(),
        metavar="AGE",
        help="Only images, stored predictions and iterations of at least this age: 90d, 6m, 2y.",
    ),
    only_typed(
        "--with-copies-from",
        type=FilePath(),
        metavar="BAG",
        help="Beside another selector: also the images and stored predictions that this export shows to be copies of "
        "what was selected. delete --yes takes identical bytes only.",
    ),
    option(
        "--missing-ok",
        is_flag=True,
        help="End with 0 also where a selector matches nothing.",
    ),
)
