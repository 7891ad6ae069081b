"""Pages that look as programs do: a mail program, an editor, a spreadsheet, a dialog, and so on."""

from html import escape as e

LIGHT = dict(bg="#ffffff", fg="#1f2328", panel="#f3f4f6", line="#d0d7de", muted="#8c959f", accent="#0969da", on="#ffffff")
DARK = dict(bg="#1e1e1e", fg="#d4d4d4", panel="#252526", line="#3c3c3c", muted="#858585", accent="#4fc1ff", on="#101418")
NAVY = dict(bg="#0f1b2d", fg="#c9d6e8", panel="#16263d", line="#2b4263", muted="#6f86a6", accent="#f2b84b", on="#0f1b2d")
CREAM = dict(bg="#fdf6e3", fg="#586e75", panel="#eee8d5", line="#d9d2bd", muted="#93a1a1", accent="#cb4b16", on="#fdf6e3")
SANS, MONO, SERIF = "Nimbus Sans", "DejaVu Sans Mono", "Nimbus Roman"


def page(theme, body, font="DejaVu Sans", size=13):
    t = theme
    return f"""<!doctype html><meta charset="utf-8"><style>
* {{ box-sizing: border-box; margin: 0 }}
body {{ background: {t['bg']}; color: {t['fg']}; font: {size}px/1.45 "{font}"; height: 100vh; overflow: hidden }}
.row {{ display: flex }} .col {{ display: flex; flex-direction: column }} .grow {{ flex: 1; min-width: 0 }}
.panel {{ background: {t['panel']} }} .muted {{ color: {t['muted']} }} .accent {{ color: {t['accent']} }}
.pad {{ padding: 10px 14px }} .gap {{ gap: 14px }} .small {{ font-size: 0.85em }} .right {{ text-align: right }}
.card {{ background: {t['panel']}; border: 1px solid {t['line']}; border-radius: 6px; padding: 12px 16px }}
.button {{ background: {t['accent']}; color: {t['on']}; padding: 5px 16px; border-radius: 4px; display: inline-block }}
.plain {{ border: 1px solid {t['line']}; padding: 5px 16px; border-radius: 4px; display: inline-block }}
.chosen {{ background: {t['accent']}; color: {t['on']} }} b, h1, h2 {{ font-weight: bold }}
h1 {{ font-size: 1.7em; margin: 6px 0 10px }} h2 {{ font-size: 1.2em; margin: 12px 0 6px }} p {{ margin: 0 0 9px }}
table {{ border-collapse: collapse; width: 100% }} td, th {{ padding: 4px 10px; text-align: left; border-bottom: 1px solid {t['line']} }}
th {{ color: {t['muted']}; font-weight: normal }} .grid td, .grid th {{ border: 1px solid {t['line']} }}
td.n, th.n {{ text-align: right }} pre {{ font: inherit; white-space: pre }}
.shade {{ position: fixed; inset: 0; background: rgba(0,0,0,0.55); pointer-events: none }}
.box {{ position: fixed; left: 50%; top: 45%; transform: translate(-50%,-50%); background: {t['bg']}; width: 460px;
  border: 1px solid {t['line']}; border-radius: 8px; padding: 18px 22px }}
</style><body>{body}"""


def table(head, rows, numbers=(), kind=""):
    cell = lambda tag, i, text: f"<{tag} class='{'n' if i in numbers else ''}'>{e(str(text))}</{tag}>"
    top = "".join(cell("th", i, text) for i, text in enumerate(head))
    body = "".join("<tr>" + "".join(cell("td", i, text) for i, text in enumerate(row)) + "</tr>" for row in rows)
    return f"<table class='{kind}'><tr>{top}</tr>{body}</table>"


def paragraphs(text):
    return "".join(f"<p>{e(part.strip())}</p>" for part in text.strip().split("\n\n"))


def mail(theme, folders, messages, subject, sender, when, text, **style):
    left = "".join(f"<div class='pad{' chosen' if i == 0 else ''}'>{e(name)}</div>" for i, name in enumerate(folders))
    middle = "".join(
        f"<div class='pad' style='border-bottom:1px solid {theme['line']}'><div class='row'><b class='grow'>{e(who)}</b>"
        f"<span class='muted small'>{e(at)}</span></div><div>{e(about)}</div><div class='muted small'>{e(start)}</div></div>"
        for who, at, about, start in messages)
    body = (f"<div class='row' style='height:100vh'><div class='panel' style='width:170px'>{left}</div>"
            f"<div style='width:360px;border-right:1px solid {theme['line']}'>{middle}</div><div class='grow pad'>"
            f"<h1>{e(subject)}</h1><div class='row'><span class='grow accent'>{e(sender)}</span>"
            f"<span class='muted'>{e(when)}</span></div><br>{paragraphs(text)}</div></div>")
    return page(theme, body, **style)


def editor(theme, files, name, code, problems, status, size=14, font=MONO):
    """`code` is a list of lines, each a list of (colour or None, text)."""
    tree = "".join(f"<div style='padding:3px 14px'>{e(one)}</div>" for one in files)
    lines = "".join(
        f"<div class='row'><span class='muted right' style='width:44px;padding-right:14px'>{number}</span><pre>"
        + "".join(f"<span style='color:{colour or theme['fg']}'>{e(text)}</span>" for colour, text in line)
        + "</pre></div>" for number, line in enumerate(code, 1))
    below = "".join(f"<div class='row gap' style='padding:2px 14px'><span style='color:#f14c4c'>{e(kind)}</span>"
                    f"<span>{e(text)}</span><span class='muted'>{e(where)}</span></div>" for kind, text, where in problems)
    body = (f"<div class='col' style='height:100vh'><div class='row grow'><div class='panel' style='width:210px;font-family:DejaVu Sans;font-size:12px'>"
            f"<div class='muted pad small'>EXPLORER</div>{tree}</div><div class='grow col'><div class='panel pad' style='font-family:DejaVu Sans;font-size:12px'>{e(name)}</div>"
            f"<div class='grow' style='padding-top:8px;overflow:hidden'>{lines}</div><div style='border-top:1px solid {theme['line']};padding-bottom:8px;font-size:12px'>"
            f"<div class='pad muted small'>PROBLEMS</div>{below}</div></div></div><div class='chosen' style='padding:2px 14px;font:12px DejaVu Sans'>{e(status)}</div></div>")
    return page(theme, body, font=font, size=size)


def sheet(theme, title, cells, size=13, font="DejaVu Sans", first=1):
    width = max(map(len, cells))
    head = [""] + [chr(65 + i) for i in range(width)]
    rows = [[first + i, *row, *[""] * (width - len(row))] for i, row in enumerate(cells)]
    body = f"<div class='panel pad'>{e(title)}</div>{table(head, rows, range(2, width + 1), 'grid')}"
    return page(theme, body, font=font, size=size)


def dashboard(theme, title, cards, head, rows, note="", size=13, font="DejaVu Sans"):
    top = "".join(f"<div class='card grow'><div class='muted'>{e(name)}</div><div style='font-size:2.2em'>{e(value)}</div>"
                  f"<div class='small' style='color:{colour}'>{e(change)}</div></div>" for name, value, change, colour in cards)
    body = (f"<div style='padding:20px 28px'><h1>{e(title)}</h1><div class='row gap'>{top}</div><br>"
            f"<div class='card'>{table(head, rows)}</div><p class='muted small' style='margin-top:12px'>{e(note)}</p></div>")
    return page(theme, body, font=font, size=size)


def dialog(behind, title, text, buttons, theme):
    choice = " ".join(f"<span class='{'button' if i == len(buttons) - 1 else 'plain'}'>{e(one)}</span>" for i, one in enumerate(buttons))
    return behind + (f"<div class='shade'></div><div class='box' style='background:{theme['bg']};color:{theme['fg']}'><h2>{e(title)}</h2>"
                     f"{paragraphs(text)}<div class='right'>{choice}</div></div>")


def article(theme, title, about, columns, **style):
    parts = "".join(f"<div class='grow'>{column}</div>" for column in columns)
    return page(theme, f"<div style='padding:24px 40px'><h1>{e(title)}</h1><p class='muted'>{e(about)}</p>"
                       f"<div class='row' style='gap:44px'>{parts}</div></div>", **style)


def section(title, text):
    return f"<h2>{e(title)}</h2>{paragraphs(text)}"


def week(theme, title, days, size=12, font="DejaVu Sans"):
    columns = "".join(
        f"<div class='grow' style='border-left:1px solid {theme['line']};padding:6px'><b>{e(day)}</b>"
        + "".join(f"<div class='card' style='margin-top:10px;padding:8px'><div class='accent'>{e(at)}</div><div>{e(what)}</div>"
                  f"<div class='muted small'>{e(where)}</div></div>" for at, what, where in events) + "</div>"
        for day, events in days)
    return page(theme, f"<div class='pad'><h1>{e(title)}</h1></div><div class='row' style='height:90vh'>{columns}</div>", size=size, font=font)


def settings(theme, title, nav, groups, size=14, font="DejaVu Sans"):
    left = "".join(f"<div style='padding:8px 18px'>{e(one)}</div>" for one in nav)
    right = "".join(f"<h2>{e(name)}</h2>" + "".join(
        f"<div class='row' style='padding:8px 0;border-bottom:1px solid {theme['line']}'><div class='grow'><div>{e(label)}</div>"
        f"<div class='muted small'>{e(hint)}</div></div><div class='accent'>{e(value)}</div></div>" for label, hint, value in rows)
        for name, rows in groups)
    return page(theme, f"<div class='row' style='height:100vh'><div class='panel' style='width:230px;padding-top:12px'>{left}</div>"
                       f"<div class='grow' style='padding:16px 40px'><h1>{e(title)}</h1>{right}</div></div>", size=size, font=font)


def chat(theme, rooms, title, messages, size=14, font="DejaVu Sans"):
    left = "".join(f"<div style='padding:6px 16px' class='{'chosen' if i == 1 else ''}'># {e(one)}</div>" for i, one in enumerate(rooms))
    right = "".join(f"<div style='padding:6px 0'><b class='accent'>{e(who)}</b> <span class='muted small'>{e(at)}</span><div>{e(text)}</div></div>"
                    for who, at, text in messages)
    return page(theme, f"<div class='row' style='height:100vh'><div class='panel' style='width:200px;padding-top:12px'>{left}</div>"
                       f"<div class='grow' style='padding:14px 24px'><h2>{e(title)}</h2>{right}</div></div>", size=size, font=font)
