"""The screens that are pages. Names, sums and dates are made up."""

from templates import (CREAM, DARK, LIGHT, NAVY, SANS, SERIF, article, chat, dashboard, dialog, editor, mail, page,
                       section, settings, sheet, table, week)

RED, GREEN, BLUE, ORANGE, VIOLET = "#f85149", "#3fb950", "#569cd6", "#ce9178", "#c586c0"

MAIL = mail(
    LIGHT, ["Inbox 12", "Drafts", "Sent", "Archive", "Junk"],
    [("Margaret Holloway", "09:42", "Contract renewal", "Could you sign by Thursday"),
     ("Building services", "08:15", "Lift out of order", "The lift in stairway B is being"),
     ("Payroll", "Mon", "Your March statement", "Your statement is ready in the"),
     ("Oskar Lindqvist", "Mon", "Photos from the fair", "I put them into the shared"),
     ("Library", "Sun", "Loan due soon", "Two items are due on 3 April")],
    "Contract renewal", "Margaret Holloway <m.holloway@example.com>", "Tue 17 March, 09:42",
    """Dear Peter,

the lease of the office in Kendal Street ends on 30 June. The owner offers another three years for 2,450 pounds a month, which is 80 pounds more than now.

Could you sign the enclosed contract by Thursday, 26 March? After that the offer expires and we would have to look for other rooms.

The deposit stays as it is. Parking for two cars is included, and the heating will be replaced in August.

Please call me on extension 4172 if anything is unclear.

Kind regards
Margaret Holloway""", font=SANS, size=14)

KEYS = lambda text: (VIOLET, text)
CODE = [
    [KEYS("use "), (None, "std::collections::HashMap;")], [],
    [KEYS("pub struct "), ("#4ec9b0", "Basket"), (None, " {")],
    [(None, "    items: "), ("#4ec9b0", "HashMap<String, u32>"), (None, ",")],
    [(None, "    discount: "), ("#4ec9b0", "Option<f64>"), (None, ",")], [(None, "}")], [],
    [KEYS("impl "), ("#4ec9b0", "Basket"), (None, " {")],
    [("#6a9955", "    /// Adds one article; twice counts as two.")],
    [KEYS("    pub fn "), ("#dcdcaa", "add"), (None, "(&"), KEYS("mut self"), (None, ", name: &"), ("#4ec9b0", "str"), (None, ") {")],
    [(None, "        *self.items.entry(name).or_insert("), ("#b5cea8", "0"), (None, ") += "), ("#b5cea8", "1"), (None, ";")],
    [(None, "    }")], [],
    [KEYS("    pub fn "), ("#dcdcaa", "total"), (None, "(&"), KEYS("self"), (None, ", price: &Prices) -> "), ("#4ec9b0", "f64"), (None, " {")],
    [KEYS("        let "), (None, "sum: "), ("#4ec9b0", "f64"), (None, " = "), KEYS("self"), (None, ".items.iter().map(|(n, c)| price.of(n) * c).sum();")],
    [KEYS("        match self"), (None, ".discount {")],
    [("#4ec9b0", "            Some"), (None, "(part) => sum * ("), ("#b5cea8", "1.0"), (None, " - part),")],
    [("#4ec9b0", "            None"), (None, " => sum,")], [(None, "        }")], [(None, "    }")], [(None, "}")],
]
EDITOR = editor(
    DARK, ["src", "  basket.rs", "  main.rs", "  prices.rs", "tests", "  checkout.rs", "Cargo.toml", "README.md"],
    "basket.rs", CODE,
    [("error", "mismatched types: expected String, found &str", "basket.rs [Ln 11, Col 27]"),
     ("error", "cannot multiply f64 by &u32", "basket.rs [Ln 15, Col 68]"),
     ("warning", "field discount is never written", "basket.rs [Ln 5, Col 5]")],
    "main*   2 errors   1 warning   Ln 11, Col 27   Spaces: 4   UTF-8   Rust")

PYTHON = editor(
    LIGHT, ["weather", "  station.py", "  report.py", "  units.py", "tests", "pyproject.toml"], "station.py",
    [[("#0000ff", "from "), (None, "dataclasses "), ("#0000ff", "import "), (None, "dataclass")],
     [("#0000ff", "from "), (None, "datetime "), ("#0000ff", "import "), (None, "datetime, timedelta")], [],
     [("#008000", "# Older readings are thrown away.")],
     [(None, "MAX_AGE = timedelta(hours="), ("#098658", "36"), (None, ")")], [], [("#795e26", "@dataclass")],
     [("#0000ff", "class "), ("#267f99", "Reading"), (None, ":")],
     [(None, "    station: "), ("#267f99", "str")], [(None, "    celsius: "), ("#267f99", "float")],
     [(None, "    taken_at: datetime")], [],
     [("#0000ff", "    def "), ("#795e26", "is_fresh"), (None, "(self, now: datetime) -> "), ("#267f99", "bool"), (None, ":")],
     [("#0000ff", "        return "), (None, "now - self.taken_at <= MAX_AGE")], [],
     [("#0000ff", "def "), ("#795e26", "warmest"), (None, "(readings: list[Reading]) -> Reading | None:")],
     [("#a31515", '    """The reading with the highest temperature, or None."""')],
     [("#0000ff", "    return "), (None, "max(readings, key="), ("#0000ff", "lambda "), (None, "one: one.celsius, default="), ("#0000ff", "None"), (None, ")")]],
    [("error", "Argument of type None cannot be assigned to parameter now", "report.py [Ln 48, Col 19]")],
    "develop   1 error   Ln 14, Col 9   Python 3.12")

SALES = sheet(
    LIGHT, "Sales by region 2025.ods",
    [["Region", "January", "February", "March", "Total"],
     ["North", "12,480", "11,930", "14,205", "38,615"], ["South", "9,310", "9,870", "10,044", "29,224"],
     ["East", "7,125", "6,980", "8,310", "22,415"], ["West", "15,602", "14,770", "16,918", "47,290"],
     ["Online", "21,040", "23,515", "26,380", "70,935"], ["Wholesale", "5,260", "4,915", "5,407", "15,582"],
     ["Export", "3,870", "4,120", "3,944", "11,934"], ["Returns", "-1,204", "-980", "-1,377", "-3,561"],
     ["Sum", "73,483", "75,120", "83,831", "232,434"]], size=11, font=SANS)

STATUS = [("Requests", "48,213", "+12 % since yesterday", GREEN), ("Errors", "0.84 %", "+0.31 points", RED),
          ("Latency p99", "412 ms", "-38 ms", GREEN), ("Open tickets", "27", "3 overdue", RED)]
SERVICES = [["checkout", "v2.14.0", "healthy", "118 ms", "99.98 %"], ["payments", "v1.9.3", "degraded", "640 ms", "98.71 %"],
            ["search", "v5.2.1", "healthy", "74 ms", "99.99 %"], ["images", "v3.0.7", "healthy", "203 ms", "99.95 %"],
            ["accounts", "v4.1.0", "down", "timeout", "91.40 %"], ["mailer", "v1.2.2", "healthy", "55 ms", "99.99 %"]]
DASHBOARD = dashboard(NAVY, "Production overview", STATUS, ["Service", "Version", "State", "Response time", "Uptime"], SERVICES,
                      "Last refresh 14:32:07. Data of the last 24 hours, region eu-central.")

BACKUPS = dashboard(
    LIGHT, "Backups", [("Stored", "1.84 TB", "of 4 TB", "#57606a"), ("Last run", "02:14", "finished", "#1a7f37"), ("Failed", "1", "archive-07", "#cf222e")],
    ["Machine", "Started", "Duration", "Size", "Result"],
    [["archive-01", "01:00", "18 min", "212 GB", "complete"], ["archive-07", "01:20", "3 min", "0 GB", "no space left on device"],
     ["files-02", "01:25", "31 min", "540 GB", "complete"], ["mail-01", "01:57", "9 min", "88 GB", "complete"],
     ["wiki-01", "02:08", "6 min", "14 GB", "complete with 2 warnings"]], "Kept for 35 days.", size=10, font=SANS)

PHOTOS = table(["Name", "Taken", "Size"], [[f"IMG_{4100 + n}.jpg", f"{n + 3} May 2025", f"{2 + n % 4}.{n} MB"] for n in range(9)])

INVOICE = page(LIGHT, """<div style='padding:36px 60px'><div class='row'><div class='grow'><h1>Invoice 2025-0381</h1>
<p>Brightwater Printing Ltd<br>12 Mill Lane, Norwich NR2 4TT</p></div><div class='right'><p>Date: 14 February 2025<br>
Payment due: 16 March 2025<br>Customer number: 77104</p></div></div><p><b>Bill to:</b> Green Valley School, 3 Orchard Road, Ely CB7 4PQ</p>"""
    + table(["Item", "Description", "Quantity", "Unit price", "Amount"],
            [["1", "Exercise books, ruled, A4", "400", "0.85", "340.00"], ["2", "Posters, glossy, A2", "25", "6.40", "160.00"],
             ["3", "Report folders, printed", "150", "1.20", "180.00"], ["4", "Delivery", "1", "18.50", "18.50"]], (2, 3, 4))
    + """<div class='right' style='padding:14px 10px'><p>Subtotal 698.50</p><p>VAT 20 % 139.70</p><p><b>Total 838.20 GBP</b></p></div>
<p>Please transfer the total to account 31926819, sort code 60-16-13, with the invoice number as reference.</p>
<p class='muted'>Goods remain our property until they are paid in full. Reminders cost 5.00 GBP each.</p></div>""", font=SERIF, size=15)

BROWSER_TABLE = page(DARK, "<div class='pad'><h1>Departures</h1>" + table(
    ["Time", "Train", "To", "Platform", "Remarks"],
    [["10:04", "IC 2217", "Hamburg", "7", "on time"], ["10:12", "RE 4", "Aachen", "3", "about 15 minutes late"],
     ["10:19", "ICE 604", "Berlin", "9", "today from platform 11"], ["10:27", "S 8", "Airport", "1", "on time"],
     ["10:31", "RB 37", "Neuss", "14", "cancelled"], ["10:40", "ICE 515", "Munich", "6", "on time"],
     ["10:52", "EC 7", "Zurich", "8", "wagon order reversed"]]) + "<p class='muted' style='margin-top:14px'>Passengers to the airport please use the front part of the train.</p></div>", size=17)

NEWS = article(
    LIGHT, "Harbour bridge to close for repairs", "Local news, Friday 9 May 2025, by Ingrid Solberg",
    [section("What is planned", """The old harbour bridge will be closed to cars from 2 June until the end of September. Engineers found rust in eleven of its forty bearings during last year's inspection.

Cyclists and pedestrians can still cross on the eastern side. Buses 4 and 19 take the tunnel instead, and need eight minutes longer.""")
     + section("What it costs", "The city expects costs of 6.3 million, of which the state pays two thirds. A new bridge would have cost 41 million."),
     section("What shops say", """Owners of shops at the quay fear for their summer. "We live from June to August", says the owner of the fish market, who asks for free parking in the north.

The city has promised signs and a shuttle boat every twenty minutes. It starts at pier 6 and is free of charge.""")
     + section("Next steps", "A public meeting is held on 20 May at 18:30 in the town hall. Comments can be sent until 26 May.")], font=SERIF, size=16)

WEEK = week(
    LIGHT, "Week 21, May 2025",
    [("Mon 19", [("09:00", "Planning", "Room Ada"), ("13:30", "Dentist", "Elm Street 4")]),
     ("Tue 20", [("10:15", "Interview Novak", "Room Turing"), ("16:00", "Budget review", "by phone")]),
     ("Wed 21", [("08:30", "Fire drill", "whole building"), ("14:00", "Design workshop", "Studio 2")]),
     ("Thu 22", [("11:00", "Release 4.7", "online"), ("15:45", "Call with Osaka", "Room Hopper")]),
     ("Fri 23", [("09:30", "Retrospective", "Room Ada"), ("12:00", "Lunch for new colleagues", "Canteen")])], size=11, font=SANS)

SETTINGS = settings(
    DARK, "Network", ["General", "Network", "Displays", "Sound", "Power", "Keyboard", "Users"],
    [("Wired connection", [("Address", "Given by the router", "192.168.17.42"), ("Subnet mask", "", "255.255.255.0"),
                           ("Gateway", "The router that leads outside", "192.168.17.1"), ("Name servers", "Asked in this order", "192.168.17.1, 9.9.9.9")]),
     ("Proxy", [("Mode", "How programs reach the web", "Automatic"), ("Configuration URL", "", "http://wpad.example.net/proxy.pac")]),
     ("Firewall", [("State", "Incoming connections are blocked", "On"), ("Allowed ports", "Separate with commas", "22, 443, 8080")])])

CHAT = chat(
    LIGHT, ["general", "release", "support", "random"], "release",
    [("Amira", "11:02", "The build of 3.18 is through, 412 tests passed and 2 were skipped."),
     ("Jonas", "11:05", "Great. Did anyone look at the slow query in the report page?"),
     ("Amira", "11:06", "Yes, an index on orders.customer_id was missing. Now 40 ms instead of 2.6 s."),
     ("Wei", "11:14", "The installer for Windows still shows the old logo, I have opened ticket 5521."),
     ("Jonas", "11:15", "Does that block us?"), ("Wei", "11:16", "No. Let us ship today at 16:00 and fix it in 3.18.1."),
     ("Priya", "11:31", "Release notes are in the wiki, please read them until 15:00."),
     ("Jonas", "11:40", "The staging server will be restarted at noon, expect five minutes without it.")])

GERMAN_MAIL = mail(
    LIGHT, ["Posteingang", "Entwürfe", "Gesendet", "Archiv"],
    [("Stadtwerke", "08:51", "Ihre Rechnung", "Die Rechnung für April"), ("Katrin Vogel", "Mo", "Umzug am Samstag", "Kannst du beim Umzug"),
     ("Bibliothek", "So", "Mahnung", "Das Buch ist seit drei Tagen"), ("Hausverwaltung", "Fr", "Heizung", "Wartung der Heizung im Keller")],
    "Wartung der Heizung", "Hausverwaltung Lehmann <info@example.de>", "Fr, 16. Mai, 10:20",
    """Sehr geehrte Damen und Herren,

am Dienstag, den 27. Mai, wird die Heizung im Keller gewartet. Die Arbeiten dauern von 8 bis 14 Uhr; in dieser Zeit steht kein warmes Wasser zur Verfügung.

Bitte halten Sie den Zugang zu den Ventilen in Ihrer Wohnung frei. Der Techniker der Firma Brandt klingelt zwischen 9 und 11 Uhr.

Die Kosten von 340 Euro werden auf alle Parteien umgelegt. Fragen beantwortet Frau Lehmann unter der Nummer 0351 4477120.

Mit freundlichen Grüßen
Ihre Hausverwaltung""", font=SANS, size=15)

GERMAN_DIALOG_BEHIND = page(LIGHT, "<div class='pad'><h1>Dokumente</h1>" + table(
    ["Name", "Geändert", "Größe"],
    [["Angebot Dachdecker.pdf", "12.05.2025", "184 KB"], ["Mietvertrag.pdf", "03.01.2024", "2,1 MB"],
     ["Reiseplan Norwegen.odt", "28.04.2025", "96 KB"], ["Steuer 2024.ods", "11.05.2025", "54 KB"], ["Lebenslauf.docx", "19.09.2023", "77 KB"],
     ["Protokoll Sitzung.odt", "07.05.2025", "41 KB"], ["Einladung Geburtstag.png", "01.05.2025", "1,4 MB"]]) + "</div>", size=15)

FRENCH = article(
    CREAM, "Horaires de la piscine", "Mairie de Villeneuve, service des sports, mise à jour le 5 mai",
    [section("Ouverture", """La piscine est ouverte du mardi au dimanche de 10 heures à 19 heures. Le mercredi, elle ferme à 21 heures.

Elle reste fermée le lundi et les jours de pluie.""") + section("Travaux", "Le grand bassin sera vide du 16 au 27 juin pour des travaux de peinture."),
     section("Tarifs", """Adultes : 4,80 euros. Enfants de moins de douze ans : 2,50 euros. Carte de dix bains : 39 euros.

Le bonnet de bain est obligatoire. Les groupes de plus de huit personnes doivent appeler le 04 75 00 31 62.""")
     + section("Cours", "Les cours de natation commencent le samedi 14 juin. Inscription au guichet.")], font=SANS, size=17)

LOG = [("kernel", "info", "eth0: link becomes ready"), ("sshd", "info", "accepted key for user backup from 10.4.0.17"),
       ("cron", "info", "running daily jobs"), ("postgres", "warning", "checkpoints are occurring too frequently"),
       ("nginx", "error", "upstream timed out while reading response header"), ("kernel", "warning", "temperature above threshold, clock throttled"),
       ("smartd", "error", "device sdb has 14 unreadable sectors"), ("dhclient", "info", "bound to 10.4.0.55, renewal in 3140 seconds"),
       ("systemd", "info", "started session 42 of user anna"), ("postfix", "warning", "queue is growing, 381 messages deferred"),
       ("chronyd", "info", "selected source 10.4.0.1"), ("nginx", "info", "reloaded configuration"),
       ("docker", "error", "container worker-3 exited with code 137"), ("rsync", "info", "sent 48,113 bytes, total size 2.2 GB"),
       ("sudo", "warning", "authentication failure for user guest"), ("kernel", "info", "usb 1-4: new high speed device"),
       ("cups", "warning", "printer office-2 is out of paper"), ("systemd", "error", "unit sync-photos.service failed"),
       ("mdadm", "info", "array md0 is clean"), ("fail2ban", "info", "banned 203.0.113.77 after 5 attempts")]
LOG += [("sshd", "info", f"connection closed by 10.4.0.{17 + n * 7} port {41000 + n * 311}") for n in range(12)]
LOG += [("squid", "info", f"{text} after {120 + n * 53} ms") for n, text in enumerate([
    "answered for the catalogue", "refused a certificate that has expired", "fetched the weather map", "wrote the index anew",
    "looked for an update", "kept the page of the timetable", "gave up the mirror in Oslo", "removed forty old entries"])]
SMALL = page(LIGHT, "<div class='pad'>" + table(
    ["Time", "Process", "PID", "Level", "Message"],
    [[f"12:{m:02}:{(m * 37) % 60:02}", process, 1200 + m * 13, level, text] for m, (process, level, text) in enumerate(LOG)]) + "</div>", size=12)

GREY = page(LIGHT, """<div style='padding:30px 60px;color:#9a9fa5'><h1 style='color:#777'>Create your account</h1>
<p>It takes less than two minutes. You can change everything later.</p><p>Display name</p><p style='color:#b0b4b9'>How others see you, for example Anna B.</p>
<p>Password</p><p style='color:#b0b4b9'>At least 14 characters, not one that you use elsewhere</p><p>Language</p><p style='color:#b0b4b9'>English, used in mails and pages</p>
<p>Time zone</p><p style='color:#b0b4b9'>Europe/Lisbon, UTC plus one hour in summer</p><p><span class='button' style='background:#2f6feb'>Continue</span></p>
<p class='small'>By continuing you agree to the terms of service of 1 January 2025. We store your data in Ireland and delete it 30 days after you close the account.</p>
<p class='small'>Already registered? Sign in instead. Trouble with the form? Write to help@example.org.</p></div>""", font=SANS, size=16)

KANBAN = page(NAVY, "<div class='pad'><h1>Sprint 14</h1></div><div class='row gap pad'>" + "".join(
    f"<div class='grow'><h2>{name}</h2>" + "".join(
        f"<div class='card' style='margin-bottom:10px'><div>{text}</div><div class='muted small'>{who}</div></div>" for text, who in cards) + "</div>"
    for name, cards in [
        ("To do", [("Export of reports as CSV", "APP-311, 5 points"), ("Dark mode for the printer page", "APP-320, 2 points"), ("Rename customer to client", "APP-322, 1 point")]),
        ("In progress", [("Faster search for names", "APP-298, Lena"), ("Upgrade to PostgreSQL 17", "APP-305, Marek")]),
        ("Review", [("Two factors for administrators", "APP-287, Tomas"), ("Fix rounding of taxes", "APP-315, Lena")]),
        ("Done", [("Remove the old importer", "APP-280, Marek"), ("Tooltips for all icons", "APP-291, Ines"), ("Log out after an hour", "APP-300, Tomas")])]) + "</div>", size=14)

WIKI = article(
    LIGHT, "How to replace a failed disk", "Operations handbook, chapter 7, last changed by R. Okafor on 2 April 2025",
    [section("Before you begin", """Find the serial number of the disk with the command smartctl. Order a spare from the store in room K 14; it is open from 7 to 15 o'clock.

Never pull a disk while its light is orange. Wait until the array is idle.""")
     + section("Replacing it", """1. Mark the disk as failed in the console.

2. Pull the tray slowly and wait thirty seconds.

3. Insert the new disk until it clicks.

4. Start the rebuild. It takes about six hours for 8 terabytes.""")
     + section("Afterwards", "Write the serial numbers of both disks into the register. Send the old disk to the shredder, not to the bin. If the rebuild stops at 99 percent, call the vendor on 0800 555 0142.")], font="DejaVu Sans", size=14)

PAGES = [
    dict(name="mail", html=MAIL, size=(1600, 900), questions=[("Until when do I have to sign the contract?", "by Thursday, 26 March"), ("How much is the rent a month?", "2,450 pounds a month")]),
    dict(name="editor-dark", html=EDITOR, size=(1440, 900), questions=[("Which line has the mismatched types error?", "mismatched types: expected String, found &str"), ("What warning is there about the discount?", "field discount is never written")]),
    dict(name="editor-light", html=PYTHON, questions=[("What is the maximum age of a reading?", "MAX_AGE = timedelta(hours=36)"), ("In which file and line is the error about None?", "report.py [Ln 48, Col 19]")]),
    dict(name="sheet", html=SALES, questions=[("What are the March sales of the region West?", "16,918"), ("How many returns were there in total?", "-3,561")]),
    dict(name="dashboard", html=DASHBOARD, size=(1920, 1080), questions=[("Which service is down?", "accounts"), ("What is the p99 latency?", "412 ms")]),
    dict(name="backups", html=BACKUPS, questions=[("Why did the backup of archive-07 fail?", "no space left on device"), ("How long did the backup of files-02 take?", "31 min")]),
    dict(name="dialog", html=dialog(page(LIGHT, f"<div class='pad'><h1>Pictures</h1>{PHOTOS}</div>", size=15), "Delete 9 pictures?",
        "They are moved to the bin and removed for good after 30 days.\n\nThe album Summer in Bergen still uses 2 of them.", ["Cancel", "Delete"], LIGHT),
        questions=[("After how many days are the pictures removed?", "after 30 days"), ("How large is IMG_4105.jpg?", "3.5 MB")]),
    dict(name="invoice", html=INVOICE, questions=[("When is the payment due?", "Payment due: 16 March 2025"), ("How much is the total?", "Total 838.20 GBP")]),
    dict(name="departures", html=BROWSER_TABLE, questions=[("From which platform does the train to Munich leave?", "ICE 515"), ("Which train is cancelled?", "RB 37")]),
    dict(name="news", html=NEWS, questions=[("When is the public meeting?", "20 May at 18:30"), ("How much do the repairs of the bridge cost?", "6.3 million")]),
    dict(name="week", html=WEEK, questions=[("When is the budget review?", "16:00"), ("Where is the call with Osaka?", "Room Hopper")]),
    dict(name="settings", html=SETTINGS, questions=[("Which ports are allowed?", "22, 443, 8080"), ("What is the address of the gateway?", "192.168.17.1")]),
    dict(name="chat", html=CHAT, questions=[("When do we ship?", "ship today at 16:00"), ("Which index was missing?", "orders.customer_id")]),
    dict(name="german-mail", html=GERMAN_MAIL, language="deu", questions=[("Wann wird die Heizung gewartet?", "27. Mai"), ("Wie hoch sind die Kosten?", "340 Euro")]),
    dict(name="german-dialog", html=dialog(GERMAN_DIALOG_BEHIND, "Datei ersetzen?", "Im Ordner Backup gibt es schon eine Datei mit dem Namen Steuer 2024.ods vom 2. Mai.\n\nDie neue Datei ist 6 KB kleiner.", ["Abbrechen", "Behalten", "Ersetzen"], DARK),
        language="deu", questions=[("Von wann ist die Datei im Ordner Backup?", "2. Mai"), ("Wie viel kleiner ist die neue Datei?", "6 KB kleiner")]),
    dict(name="french", html=FRENCH, language="fra", questions=[("Combien coûte la carte de dix bains ?", "39 euros"), ("Quand commencent les cours de natation ?", "samedi 14 juin")]),
    dict(name="small-log", html=SMALL, size=(1920, 1080), questions=[("Which container exited?", "container worker-3 exited with code 137"), ("How many messages are deferred?", "381 messages deferred")]),
    dict(name="grey-form", html=GREY, questions=[("How long must the password be?", "At least 14 characters"), ("Where is my data stored?", "We store your data in Ireland")]),
    dict(name="kanban", html=KANBAN, questions=[("Who works on the upgrade to PostgreSQL?", "APP-305, Marek"), ("How many points has the export of reports?", "APP-311, 5 points")]),
    dict(name="wiki", html=WIKI, questions=[("How long does the rebuild take?", "about six hours"), ("What is the number of the vendor?", "0800 555 0142")]),
]
