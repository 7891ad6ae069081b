"""Screens that nobody looks at while the reader is improved: other programs, other words, other colours."""

from html import escape as e

from templates import CREAM, DARK, LIGHT, NAVY, SANS, SERIF, article, editor, page, section, settings, table
from terminals import DARK as DARK_TERMINAL, SOLARIZED, WHITE

BADGE = lambda colour, text: f"<span style='background:{colour};color:#fff;border-radius:9px;padding:1px 9px;font-size:11px'>{e(text)}</span>"

ISSUES = page(LIGHT, "<div class='pad'><h1>Issues</h1><div class='row gap muted'><span>148 open</span><span>2,306 closed</span></div><br>" + "".join(
    f"<div class='row gap' style='padding:9px 0;border-top:1px solid #d0d7de'><div class='grow'><b>{e(title)}</b> {BADGE(colour, label)}<div class='muted small'>{e(by)}</div></div><span class='muted'>{comments}</span></div>"
    for title, colour, label, by, comments in [
        ("Crash when the window is resized during playback", "#d73a4a", "bug", "#4821 opened 3 days ago by tamsin", "14 comments"),
        ("Add keyboard shortcut for muting", "#0e8a16", "enhancement", "#4817 opened 5 days ago by oyelaran", "2 comments"),
        ("Subtitles drift after two hours", "#d73a4a", "bug", "#4809 opened last week by petra-h", "31 comments"),
        ("Document the cache folder", "#0075ca", "documentation", "#4802 opened last week by jwcho", "no comments"),
        ("Opening a playlist takes 40 seconds", "#8957e5", "performance", "#4798 opened 2 weeks ago by lindgren", "8 comments"),
        ("Wrong colours on HDR displays", "#d73a4a", "bug", "#4770 opened 4 weeks ago by mbaye", "19 comments")]) + "</div>", font=SANS, size=14)

SHOP = page(CREAM, "<div class='pad row' style='background:linear-gradient(90deg,#1d3557,#457b9d);color:#fff'><h1 class='grow'>Paper &amp; Ink</h1><div>Basket: 3 articles</div></div><div class='row gap pad'>" + "".join(
    f"<div class='card grow'><div style='height:120px;background:linear-gradient(135deg,{a},{b});margin-bottom:10px'></div><h2>{e(name)}</h2><p>{e(text)}</p><div class='row'><b class='grow'>{price}</b><span class='button'>Add to basket</span></div></div>"
    for name, text, price, a, b in [
        ("Fountain pen Heron", "Steel nib, medium, with converter", "34.90 EUR", "#264653", "#2a9d8f"),
        ("Notebook Dune", "192 pages, dotted, thread bound", "12.50 EUR", "#e9c46a", "#f4a261"),
        ("Ink Forest", "Bottle of 50 ml, not waterproof", "9.80 EUR", "#2d6a4f", "#74c69d"),
        ("Blotting paper", "Ten sheets, A5, pink", "4.20 EUR", "#ffafcc", "#bde0fe")])
    + "</div><div class='pad'><p>Orders before 13:00 are shipped on the same day. Delivery is free from 45 EUR. Returns are accepted for 60 days.</p><p class='muted'>Our shop in Tallinn, Pikk 18, is closed on Mondays.</p></div>", size=13)

TS = editor(
    NAVY, ["src", "  client.ts", "  retry.ts", "  types.ts", "test", "package.json", "tsconfig.json"], "retry.ts",
    [[("#c792ea", "import"), (None, " { sleep } "), ("#c792ea", "from"), ("#c3e88d", ' "./client"'), (None, ";")], [],
     [("#697098", "// Servers ask for patience in seconds.")],
     [("#c792ea", "export async function"), ("#82aaff", " withRetries"), (None, "<T>(work: () => Promise<T>, limit = "), ("#f78c6c", "7"), (None, "): Promise<T> {")],
     [(None, "  let delay = "), ("#f78c6c", "250"), (None, ";")],
     [("#c792ea", "  for"), (None, " (let attempt = 1; ; attempt++) {")],
     [("#c792ea", "    try"), (None, " {")], [("#c792ea", "      return await"), ("#82aaff", " work"), (None, "();")],
     [(None, "    } "), ("#c792ea", "catch"), (None, " (failure) {")],
     [("#c792ea", "      if"), (None, " (attempt === limit) "), ("#c792ea", "throw"), (None, " failure;")],
     [("#c792ea", "      await"), ("#82aaff", " sleep"), (None, "(delay);")], [(None, "      delay *= "), ("#f78c6c", "2"), (None, ";")],
     [(None, "    }")], [(None, "  }")], [(None, "}")]],
    [("error", "Property 'status' does not exist on type 'unknown'. ts(2339)", "client.ts [Ln 31, Col 22]"),
     ("warning", "'headers' is declared but its value is never read. ts(6133)", "client.ts [Ln 12, Col 9]")],
    "feature/retries   1 error   1 warning   Ln 10, Col 24   TypeScript", size=13)

BANK = page(LIGHT, "<div style='padding:20px 60px'><div class='row'><div class='grow'><h1>Current account</h1><p class='muted'>IBAN FI21 1234 5600 0007 85</p></div>"
    "<div class='right'><div class='muted'>Balance</div><div style='font-size:30px'>3,482.17 EUR</div></div></div>" + table(
    ["Date", "Recipient or sender", "Purpose", "Amount"],
    [["30 Apr", "Helmi Energy", "Electricity April", "-61.40"], ["29 Apr", "Aalto Consulting Oy", "Salary April", "+2,950.00"],
     ["28 Apr", "City of Turku", "Parking permit", "-35.00"], ["26 Apr", "Kirjakauppa", "Card 4471, books", "-48.95"],
     ["25 Apr", "J. Virtanen", "Thanks for dinner", "+22.50"], ["24 Apr", "Northern Rail", "Tickets Tampere", "-27.80"],
     ["22 Apr", "Kodin Vakuutus", "Insurance, quarter 2", "-118.60"]], (3,)) + "<p class='muted small' style='margin-top:12px'>Two payments are waiting for your approval until 6 May.</p></div>", font=SANS, size=15)

GERMAN = settings(
    DARK, "Drucker und Scanner", ["Allgemein", "Netzwerk", "Drucker", "Benutzer", "Energie"],
    [("Laserdrucker im Flur", [("Zustand", "Zuletzt geprüft um 14:05", "Papierstau in Fach 2"), ("Tonerstand", "Patrone TN 2410", "18 Prozent"),
                               ("Adresse", "Feste Adresse im Netz", "10.20.4.77")]),
     ("Scanner im Archiv", [("Zustand", "Zuletzt benutzt am 3. Juni", "Bereit"), ("Auflösung", "Für neue Aufträge", "300 Punkte pro Zoll"),
                            ("Ablage", "Ordner für fertige Dateien", "Eingang/Scans")])])

NOTES_PAGE = article(
    DARK, "Release notes for version 6.2", "Published on 18 September 2025 by the platform team",
    [section("New", """Reports can be scheduled. Choose a weekday and an hour under Reports, Schedule.

The search finds words in attachments up to 25 MB.""") + section("Changed", """Passwords expire after 400 days instead of 180.

Exports are deleted from the server after one week."""),
     section("Fixed", """Totals with more than eleven digits were rounded (bug 7719).

Printing a calendar in landscape cut off Sunday.""") + section("Known problems", """Safari 16 shows the menu twice. Use version 17 until 6.2.1 is out.

The importer for old archives needs 4 GB of memory.""")], font=SERIF, size=15)

TINY = page(LIGHT, "<div class='pad'><b>Measurements of station Koli, July</b>" + table(
    ["Day", "Minimum", "Maximum", "Rain", "Wind", "Remarks"],
    [[f"{d} July", f"{8 + d * 7 % 6}.{d % 10}", f"{19 + d * 5 % 9}.{(d * 3) % 10}", f"{d * 11 % 13}.{d % 7} mm", f"{3 + d * 2 % 8} m/s",
      {4: "thunderstorm at 16:20", 11: "sensor cleaned", 17: "no data from 02:00 to 05:00", 23: "record maximum"}.get(d, "")] for d in range(1, 27)], (1, 2, 3, 4), "grid") + "</div>", size=11, font=SANS)

PROGRESS = page(DARK, """<div style='padding:60px 120px'><h1>Installing updates</h1><p>Do not turn off the computer. It restarts twice.</p>
<div style='height:10px;background:#333;margin:16px 0'><div style='height:10px;width:62%;background:#4fc1ff'></div></div><p>62 % complete, about 9 minutes remaining</p>
<p style='color:#6b6b6b'>Downloaded: 1.3 GB of 2.1 GB</p><p style='color:#6b6b6b'>Current package: firmware for the docking station 4.0.11</p>
<p style='color:#d16969'>The update KB500217 could not be installed: not enough space on drive D.</p><p style='color:#6a9955'>The update KB500199 was installed.</p></div>""", size=17)

HELD_OUT_PAGES = [
    dict(name="issues", html=ISSUES, questions=[("Which issue has 31 comments?", "Subtitles drift after two hours"), ("Who opened the issue about the playlist?", "lindgren")]),
    dict(name="shop", html=SHOP, size=(1440, 900), questions=[("How much is the notebook?", "12.50 EUR"), ("Until when must one order for delivery on the same day?", "Orders before 13:00")]),
    dict(name="editor-navy", html=TS, questions=[("What is the error in client.ts?", "Property 'status' does not exist"), ("In which line is the unused headers?", "Ln 12, Col 9")]),
    dict(name="bank", html=BANK, size=(1920, 1080), questions=[("How much was the insurance?", "-118.60"), ("What is the balance?", "3,482.17 EUR")]),
    dict(name="german-settings", html=GERMAN, language="deu", questions=[("Wie ist der Zustand des Laserdruckers?", "Papierstau in Fach 2"), ("Welche Auflösung hat der Scanner?", "300 Punkte pro Zoll")]),
    dict(name="release-notes", html=NOTES_PAGE, questions=[("After how many days do passwords expire?", "expire after 400 days"), ("How much memory does the importer need?", "4 GB of memory")]),
    dict(name="tiny-grid", html=TINY, questions=[("When was the thunderstorm?", "thunderstorm at 16:20"), ("On which day was the record maximum?", "23 July")]),
    dict(name="progress", html=PROGRESS, scale=2, size=(960, 540), questions=[("Why could the update not be installed?", "not enough space on drive D"), ("How many minutes remain?", "about 9 minutes remaining")]),
]

HELD_OUT_TERMINALS = [
    dict(name="diff", colours=DARK_TERMINAL, run="sed 's/pool_size = 24/pool_size = 40/; s/15m/90s/' service.ini > new.ini; diff -u --color=always service.ini new.ini; grep -n --color=always -E 'timeout|host' service.ini",
         questions=[("What is the new pool size?", "pool_size = 40"), ("In which line is the request_timeout?", "4:request_timeout = 45s")]),
    dict(name="shell-errors", colours=SOLARIZED, font=12, run="ls -l --color=always *.c *.h; cat missing.conf; ./deploy.sh; mkdir /proc/new", questions=[
        ("Which file could not be found by cat?", "cat: missing.conf: No such file or directory"), ("What failed with mkdir?", "mkdir: cannot create directory")]),
    dict(name="sqlite-columns", colours=WHITE, font=9, run="sqlite3 :memory: -column -header '.read stock.sql' 'select * from orders order by total desc'; sqlite3 :memory: 'select * from nothing'", questions=[
        ("How much did Radhaus Krug order?", "212.15"), ("What is the error?", 'near "nothing": syntax error')]),
    dict(name="vim-split", colours=DARK_TERMINAL, size=(1600, 900), font=11, run="vim -u NONE --cmd 'set shortmess=aFIT' -c 'syntax on | set number background=dark' -O stock.py notes.txt", questions=[
        ("What does price_of return?", "return prices[name] * 1.19"), ("How many keys are missing?", "One of four keys is missing")]),
]

for screen in HELD_OUT_PAGES + HELD_OUT_TERMINALS:
    screen["held_out"] = True
