"""The people of tests/test_gates.py: who is told of, what some of them say, and what is to come of it.

Each is there because some error in the models' SQL would treat them otherwise (tests/prove/gates.py finds out).
"""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from ledger.subjects import Told
from tests.test_marts import business_id


def mail(local: str, firm: str = "koski") -> str:
    """Somebody's mailbox at a firm."""
    return f"{local}@{firm}.fi"


LONG_AGO, FIRST, SAID, LATER = date(2023, 3, 1), date(2026, 3, 2), datetime(2026, 4, 20, 12), date(2026, 6, 1)
# The last day that is not too old on the last day of the world, and the one before.
OLDEST, TOO_OLD = LATER - timedelta(days=730), LATER - timedelta(days=731)
FIRMS = {name: business_id(100 + number) for number, name in enumerate((
    "koski", "lahti", "kielto", "konkurssi", "toiminimi", "nimi", "listattu", "vaihde", "uusi", "toinen", "domain", "katu",
    "sakset", "tila", "varjo", "peite", "kaksi", "kaima", "vaiti", "hiljaa", "kerho", "liitto",
    "virta", "kuutio", "pallo", "kolmoset", "neloset", "loppu",
    "turva", "osasto", "tuntematon", "oikaistu", "ote", "kimpo", "kooditon", "kaduton", "sivu", "tohtori",
))}  # fmt: skip
CLUB = business_id(150)
"""An association with a mailbox that is somebody's; those of FIRMS that are named below are associations too."""
ASSOCIATIONS = {
    "kerho": (mail("eino.yksin", "kerho"), "040 7000076"), "liitto": (mail("saara.suoja"), "040 7000077"),
    "turva": (mail("sulo.suojattu"), "040 7000150"), "osasto": (mail("sihteeri.sanna", "osasto"), "040 7000151"),
}  # fmt: skip
NAMES = {
    "toiminimi": "Tmi Tarmo Toiminimi",
    "nimi": "Rakennus Matti Virtanen Oy",
    "virta": "Lauri Virta Oy",
    "kuutio": "Parturi Kaarina Kuutio Oy",
    "pallo": "Paula Pallo Oy",
    "kolmoset": "Kolmo Kolmonen Oy",
    "neloset": "Nelo N Nelonen Oy",
    "tohtori": "Dr Bo Ek Oy",
}
TRADE_NAMES = {"sivu": "Maija Helena Meikka Kampaamo"}
# A street without a postcode, a postcode without a street.
HALF_ADDRESSES = {"kooditon": {"postCode": ""}, "kaduton": {"street": "", "buildingNumber": ""}}
BOUNCED = mail("info", "kimpo")
EXTRACT = ("ote", mail("info", "ote"), "09 5656 300")
"""A firm of which the register's extract tells a language, a mailbox and a number."""
CORRECTED = (
    ("oikaistu", "email", mail("vaara", "oikaistu")), ("oikaistu", "email", mail("info", "oikaistu")),
    ("ote", "phone", "+35895656999"),
)  # fmt: skip
"""Of firms: what was put right, one after the other."""
CORRECTED_PEOPLE = {
    "H50": ("email", mail("oikea", "oikaistu")), "H51": ("phone", "+358407000161"),
    "H52": ("email", mail("tuure", "tuntematon")), "H53": ("email", mail("vuokko.v", "oikaistu")),
}  # fmt: skip
"""Persons' numbers in the register -> what was put right; no source tells it."""  # fmt: skip
WITHOUT_ADDRESS = {"vaiti", "hiljaa"}
# Who objects in the middle of a publication: at each of its steps a person, a number, a mailbox and a whole firm.
STEPS = ("begun", "gated", "copied", "sealed", "look 1", "look 2", "look 3", "held", "committed")
SCOPES = ("person", "phone", "email", "organisation")
FIRMS |= {f"race{number}": business_id(160 + number) for number in range(2 * len(STEPS))}
CHANNELS = {"email", "phone", "post"}


@dataclass(frozen=True)
class Report:
    """A row of a survey: somebody with title, mailbox and number at a firm, told on a day. A stroke parts longer names."""

    name: str
    firm: str = "koski"
    email: str = ""
    phone: str = ""
    day: date = FIRST
    title: str = "Talousjohtaja"


@dataclass(frozen=True)
class Role:
    """A place in the register."""

    name: str
    firm: str = "koski"
    born: str = ""
    number: str = ""
    organ: str = "TJ"
    role: str = "TJ"
    day: date = FIRST
    until: str = ""
    since: str = "2020-01-01"


@dataclass(frozen=True)
class Said:
    """An objection, and what comes of it: (name, firm) -> channels that pass, as a person; None as an organisation."""

    what: str
    told: Told
    passes: dict[tuple[str | None, str], set[str]]
    gate: str = "OBJECTION_PERSON"
    options: dict[str, Any] = field(default_factory=dict)
    extra: tuple[tuple[Told, str], ...] = ()
    """Of what else, and as what scope's, its keys are."""


PEOPLE: list[Report | Role] = [
    Report("Taina Tavallinen", email=mail("taina.tavallinen"), phone="040 7000001"),
    Report("Saara Suoja", email=mail("saara.suoja"), phone="040 7000002"),
    Report("Eero Entinen", email=mail("eero.entinen"), phone="040 7000003"),
    Report("Rauno Rajoitettu", email=mail("rauno.rajoitettu")),
    Report("Pia Posti", email=mail("pia.posti"), phone="040 7000004"),
    Report("Kaisa Kanava", email=mail("kaisa.kanava"), phone="040 7000005"),
    Report("Olli Orga", "kielto", mail("olli.orga", "kielto"), "040 7000006"),
    Report("Irja Info", "kielto", mail("info", "kielto")),
    Report("Lasse Lista", "lahti", mail("lasse.lista", "lahti"), "040 7000007"),
    Report("Liisa Lista", "listattu", mail("liisa.lista", "listattu"), "040 7000008"),
    Role("Hannu Hallitus", organ="HAL", role="J", born="1960-01-01", number="H1"),
    Report("Konsta Konkurssi", "konkurssi", mail("konsta.konkurssi", "konkurssi"), "040 7000009"),
    Report("Nina Notifioimaton", email=mail("nina.notifioimaton"), phone="040 7000010"),
    Role("Tarmo Toiminimi", "toiminimi", "1961-01-01", "H2", "ELI", "ELI"),
    Role("Tuija Toimija", "sakset", "1962-01-01", "H3", "ELI", "ELI"),
    Report("Tarmo Toiminimi", "toiminimi", mail("tarmo.toiminimi", "toiminimi"), "040 7000011"),
    Report("Ville Vapaa", email="ville.vapaa@gmail.com", phone="040 7000012"),
    Report("Vanha Tieto", email=mail("vanha.tieto"), phone="040 7000013", day=LONG_AGO),
    # One person's ways: new mailbox, spellings, new employers.
    Report("Uuno Uusi", email=mail("uuno.uusi"), phone="040 7000014"),
    Report("Uuno Uusi", email=mail("uuno.u"), phone="040 7000015", day=LATER),
    Report("Aino Mäkinen", email=mail("aino.makinen"), phone="040 7000016"),
    Report("Åke Åberg", email=mail("ake"), phone="040 7000017"),
    Report("Åke Åberg", "uusi", mail("ake.a"), day=LATER),
    Role("Birger Syntynyt", born="1970-05-05"),
    Role("Birger Syntynyt", "uusi", born="1970-05-05", day=LATER),
    Role("Birger Syntynyt", "toinen", born="1981-05-05", day=LATER),
    Report("Reijo Rivitalo", email=mail("reijo.rivitalo"), phone="040 7000018"),
    Report("Reijo Rivitalo", "uusi", mail("reijo", "uusi"), "040 7000019", LATER),
    Report("Reijo Rivitalo", "toinen", mail("rivitalo", "toinen"), "040 7000020"),
    Report("Peruutta Puheensa", email=mail("peruutta.puheensa"), phone="040 7000021"),
    *(Report(f"{name} Vaihde", "vaihde", mail(f"{name.lower()}.vaihde", "vaihde"), "09 5656 100")
      for name in ("Anna", "Beata", "Elsa")),
    Report("Fanni Vaihde", "vaihde", mail("fanni.vaihde", "vaihde"), "09 5656 100", LATER),
    Report("Jaana Jaettu", "lahti", mail("jaana", "lahti"), "040 7000022"),
    Report("Joni Jaettu", "lahti", mail("joni", "lahti"), "040 7000022"),
    Report("Matti Virtanen", "nimi", mail("matti", "nimi"), "040 7000023"),
    Report("Muu Mukana", "nimi", mail("muu.mukana", "nimi"), "040 7000024"),
    Report("Vesa Vastaanottaja", email=mail("vesa.vastaanottaja"), phone="040 7000025"),
    Report("Kysy Kysymatta", email=mail("kysy.kysymatta"), phone="040 7000026"),
    Report("Daavid Domain", "domain", mail("daavid.domain", "domain"), "040 7000027"),
    Report("Katri Katu", "katu", mail("katri.katu", "katu"), "040 7000028"),
    Report("Seppo Seura", email=mail("seppo.seura"), phone="040 7000030"),
    Report("Ikuinen Tieto", email=mail("ikuinen.tieto"), phone="040 7000061", day=OLDEST),
    Report("Liian Vanha", email=mail("liian.vanha"), phone="040 7000062", day=TOO_OLD),
    Report("Tupla Kielto", email=mail("tupla.kielto"), phone="040 7000063"),
    Report("Monta Kieltoa", email=mail("monta.kieltoa"), phone="040 7000064"),
    Report("Aune Keskinen", email=mail("aune.keskinen"), phone="040 7000065"),
    Report("Tiina Tiski", "uusi", mail("info", "uusi"), "040 7000467"),
    # Nobody has told the trader; a member of some board of the firm they have.
    Role("Tiina Tilallinen", "tila", "1963-01-01", "H4", "ELI", "ELI"),
    Role("Paavo Prokura", "tila", "1964-01-01", "H5", "HAL", "J"),
    # A namesake who begins to trade after somebody has objected.
    Report("Toivo Toiminta", email=mail("toivo.toiminta"), phone="040 7000066"),
    Role("Toivo Toiminta", "varjo", "1965-01-01", "H6", "ELI", "ELI", LATER),
    # Named by a list, and in an interview, that come after the build.
    Report("Lauri Listalle", email=mail("lauri.listalle"), phone="040 7000067"),
    Report("Hilkka Haastateltu", email=mail("hilkka.haastateltu"), phone="040 7000068"),
    Report("Numero Yksi", "lahti", mail("numero.yksi", "lahti"), "040 7000029"),
    # Who objects more than once, against more and less.
    Report("Sulo Suojattu", email=mail("sulo.suojattu"), phone="040 7000071"),
    Report("Oiva Oikea", email=mail("oiva.oikea"), phone="040 7000072"),
    Report("Kaino Kaksi", "kaksi", mail("kaino.kaksi", "kaksi"), "040 7000073"),
    Report("Pekka Puhelin", email=mail("pekka.puhelin"), phone="040 7000079"),
    Report("Hanna Henkilo", email=mail("hanna.henkilo"), phone="040 7000080"),
    Report("Laila Laatikko", email=mail("laila.laatikko"), phone="040 7000081"),
    Report("Sovittu Sopinen", email=mail("sovittu.sopinen"), phone="040 7000082"),
    # Whose number is as old as the day it was told, though the mailbox was told again.
    Report("Vanha Numero", email=mail("vanha.numero"), phone="040 7000143"),
    Report("Vanha Numero", email=mail("vanha.numero"), day=LATER),
    # Whom nobody has told, beside a trader and an association's own who have been.
    Report("Aapo Apulainen", "toiminimi", mail("aapo.apulainen", "toiminimi"), "040 7000074"),
    Report("Nelli Numero", email=mail("nelli.numero"), phone="010 7000075"),
    Role("Eino Entisaika", "kerho", "1966-01-01", "H20", "ELI", "ELI"),
    # A number of exactly as many as may share one, and of one more; a mailbox of that many; a name on one day.
    *(Report(f"{name} Kolmas", "lahti", mail(f"{name.lower()}.kolmas", "lahti"), "040 7000077")
      for name in ("Kaarlo", "Kerttu", "Kauko")),
    *(Report(f"{name} Trio", "lahti", mail(f"{name.lower()}.trio", "lahti"), "040 7000078")
      for name in ("Terho", "Terttu", "Tauno")),
    *(Report(f"{name} Lanka", "toinen", mail(f"{name.lower()}.lanka", "toinen"), "09 5656 200")
      for name in ("Lempi", "Leevi", "Liisa", "Lauha")),
    *(Report(name, "uusi", mail("tiimi.alfa", "uusi"), f"040 700010{number}")
      for number, name in enumerate(("Sari Saarni", "Satu Niemi", "Sami Kuusi", "Sauli Hauki"))),
    *(Role("Nelson Neljas", firm, "1950-01-01", f"N{number}")
      for number, firm in enumerate(("koski", "lahti", "uusi", "toinen"))),
    # Namesakes, told of after somebody has objected or not, and judged or not.
    Report("Sampo Samainen", email=mail("sampo.samainen"), phone="040 7000110"),
    Report("Sampo Samainen", "uusi", mail("sampo", "uusi"), "040 7000111", LATER),
    Report("Eri Eronen", email=mail("eri.eronen"), phone="040 7000112"),
    Report("Eri Eronen", "uusi", mail("eri", "uusi"), "040 7000113", LATER),
    Report("Eri Eronen", "toinen", mail("eri", "toinen"), "040 7000114", LATER),
    Report("Toisto Toistonen", email=mail("toisto.toistonen"), phone="040 7000115"),
    Report("Toisto Toistonen", "uusi", mail("toisto", "uusi"), "040 7000116", LATER),
    Report("Kaima Kahdesti", email=mail("kaima.kahdesti"), phone="040 7000117"),
    Report("Kaima Kahdesti", "uusi", mail("kaima", "uusi"), "040 7000118", LATER),
    Role("Numeroitu Nieminen", "koski", number="H10"),
    Role("Numeroitu Nieminen", "toinen", number="H11", day=LATER),
    Report("Numeroitu Nieminen", "lahti", mail("numeroitu", "lahti"), "040 7000119", LATER),
    Report("Birger Syntynyt", "lahti", mail("birger.syntynyt", "lahti"), "040 7000120", LATER),
    Report("Raja Rajala", email=mail("raja.rajala"), phone="040 7000121"),
    Report("Raja Rajala", "uusi", mail("raja", "uusi"), "040 7000122"),
    Report("Ohi Ohinen", email=mail("ohi.ohinen"), phone="040 7000123"),
    Report("Ohi Ohinen", "toinen", mail("ohi", "toinen"), "040 7000124"),
    Report("Ohi Ohinen", "toinen", mail("ohi", "toinen"), "040 7000124", LATER),
    Report("Kysy Kysymatta", "uusi", mail("kysy", "uusi"), "040 7000125", LATER),
    Report("Poissa Poissaoleva", "lahti", mail("poissa", "lahti"), "040 7000126", LATER),
    # Whose name an organisation bears, alone, of three and of four.
    Report("Lauri Virta", "virta", mail("lauri", "virta"), "040 7000130"),
    Report("Venla Virta", "virta", mail("venla", "virta"), "040 7000131"),
    *(Role("Kolmo Kolmonen", "kolmoset", f"195{number}-02-02", f"K{number}", "HAL", "J") for number in range(3)),
    *(Role("Nelo Nelonen", "neloset", f"195{number}-03-03", f"L{number}", "HAL", "J") for number in range(4)),
    # Two with one mailbox; who is known with where they work.
    Report("Pari Parinen", email=mail("pari"), phone="040 7000132"),
    Report("Seija Sarinen", email=mail("pari"), phone="040 7000133"),
    Report("Lisa Avain", email=mail("lisa.avain"), phone="040 7000134"),
    Report("Lauha Lopetettu", email=mail("lauha.lopetettu"), phone="040 7000135"),
    Report("Maili Lista", email=mail("maili.lista+tyo"), phone="040 7000136"),
    # Members of a board: twice, until yesterday, until today, and elsewhere than where they decide.
    Role("Hannu Hallitus", organ="HAL", role="PJ", born="1960-01-01", number="H1"),
    Role("Hilja Hallitus", organ="HAL", role="J", born="1960-02-01", number="H31", until="2026-05-31"),
    Role("Helka Hallitus", organ="HAL", role="J", born="1960-03-01", number="H32", until="2026-06-01"),
    Role("Kalle Kaksipaikka", born="1960-04-01", number="H30"),
    Role("Kalle Kaksipaikka", "lahti", organ="HAL", role="J", born="1960-04-01", number="H30"),
    # Somebody of no area, of a firm that is no more, and whose mailbox is told of less often than they are.
    Report("Outi Outo", email=mail("outi.outo"), phone="040 7000140", title="Xyzzy"),
    Report("Lotta Loppunen", "loppu", mail("lotta.loppunen", "loppu"), "040 7000141"),
    Report("Ella Eilinen", email=mail("ella.eilinen"), phone="040 7000142"),
    Report("Ella Eilinen", day=LATER),
    # Whose two places are told under two names.
    Role("Heli Hallitus", organ="HAL", role="J", born="1960-05-01", number="H33"),
    Role("Helena Hallinen", organ="HAL", role="PJ", born="1960-05-01", number="H33", since="2021-01-01"),
    # Longer names, told whole and in part; titles in them.
    Role("Tytti Tuulia/von Essen", born="1961-06-01", number="H40"),
    Role("Kerttu Kaisa/Kolminen", born="1961-07-01", number="H41"),
    Role("Ilta Irene/von Illan", born="1961-08-01", number="H42"),
    Role("Prof Antti/Professorinen", born="1961-09-01", number="H43"),
    Role("Tohtori Tamminen", born="1961-10-01", number="H44"),
    # Put right by somebody.
    Role("Kosti Korjattu", "oikaistu", "1962-06-01", "H50"),
    Role("Kirsi Korjattu", "oikaistu", "1962-07-01", "H51"),
    # Desks' mailboxes and numbers: told early and late, of a firm that has another one, has bounced, is no more.
    Report("Oiva Oikaistu", "oikaistu", mail("info", "oikaistu"), "010 7000170"),
    Report("Olga Oikaistu", "oikaistu", mail("info.myynti", "oikaistu"), "010 7000170", LATER),
    Report("Otto Ote", "ote", mail("info.myynti", "ote"), "010 7000171", LATER),
    Report("Kimmo Kimpo", "kimpo", BOUNCED),
    Report("Lari Loppunen", "loppu", mail("info", "loppu"), "010 7000172"),
    Report("Outi Osasto", "osasto", mail("info", "osasto")),
    Report("Pirjo Kooditon", "kooditon", mail("pirjo", "kooditon"), "040 7000180"),
    Report("Kauno Kaduton", "kaduton", mail("kauno", "kaduton"), "040 7000181"),
    Report("Maija Helena/Meikka", "sivu", mail("maija", "sivu"), "040 7000182"),
    # At a firm of no register.
    Role("Tuure Tuntematon", "tuntematon", "1962-08-01", "H52"),
    # Told of by the register after an interview; at two firms with the same mailbox and number.
    Role("Vuokko Vanhempi", "oikaistu", "1962-09-01", "H53"),
    Report("Vuokko Vanhempi", "oikaistu", mail("vuokko", "oikaistu"), "040 7000184"),
    *(Report("Kaija Kahdella", firm, mail("kaija.kahdella"), "040 7000185") for firm in ("koski", "lahti")),
    # With an objector's name and nothing to be reached by.
    Report("Reijo Rivitalo", "hiljaa", day=LATER),
    # Two who trade under one number, each with an objector's name; nobody has told the first of them.
    Report("Veikko Varovainen", email=mail("veikko.varovainen"), phone="040 7000127"),
    Report("Unto Utelias", email=mail("unto.utelias"), phone="040 7000128"),
    Role("Veikko Varovainen", "peite", "1967-01-01", "H21", "ELI", "ELI", LATER),
    Role("Unto Utelias", "peite", "1968-01-01", "H22", "ELI", "ELI", LATER),
]  # fmt: skip
PEOPLE += [
    Report(
        f"Kilpa S{step}{scope}",
        f"race{2 * step + (scope == 'organisation')}",
        mail(f"kilpa.{step}.{scope}"),
        f"041 700{step}{place}00",
    )
    for step, _ in enumerate(STEPS)
    for place, scope in enumerate(SCOPES)
]
ALL = set(CHANNELS)
SAYINGS = [
    Said("safety", Told(name="Saara Suoja", business_id=FIRMS["koski"]), {("Saara Suoja", "koski"): set()}, "SAFETY",
         {"kind": "safety", "channel": "email"}),
    Said("erased", Told(email=mail("eero.entinen")), {("Eero Entinen", "koski"): set()}, "ERASED",
         {"kind": "erasure", "purpose": "survey"}),
    Said("restricted", Told(email=mail("rauno.rajoitettu")), {("Rauno Rajoitettu", "koski"): set()},
         options={"kind": "restriction"}),
    Said("by e-mail, with a tag and in capitals", Told(email="PIA.Posti+uutiset@koski.fi"), {("Pia Posti", "koski"): set()}),
    Said("one channel", Told(email=mail("kaisa.kanava")), {("Kaisa Kanava", "koski"): {"email", "post"}},
         "OBJECTION_CHANNEL", {"channel": "phone"}),
    Said("an organisation", Told(business_id=FIRMS["kielto"]), {("Olli Orga", "kielto"): set(), (None, "kielto"): set()},
         "OBJECTION_ORGANISATION", {"scope": "organisation"}),
    Said("a new mailbox and number", Told(email=mail("uuno.uusi")), {("Uuno Uusi", "koski"): set()}),
    Said("another spelling", Told(name="MAEKINEN, AINO", business_id=FIRMS["koski"]), {("Aino Mäkinen", "koski"): set()}),
    Said("a rare spelling, and the domain kept elsewhere", Told(name="Ake Oberg", business_id=FIRMS["koski"]),
         {("Åke Åberg", "koski"): set(), ("Åke Åberg", "uusi"): set()}),
    Said("a former mailbox, of who has none of their own there now", Told(name="Tiina Tiski", email=mail("t.tiski", "uusi")),
         {("Tiina Tiski", "uusi"): set()}),
    Said("a new employer, born the same day", Told(name="Birger Syntynyt", birth_date=date(1970, 5, 5)),
         {("Birger Syntynyt", "koski"): set(), ("Birger Syntynyt", "uusi"): set(), ("Birger Syntynyt", "toinen"): {"post"}}),
    Said("a new employer, and who was elsewhere before", Told(name="Reijo Rivitalo", email=mail("reijo.rivitalo")),
         {("Reijo Rivitalo", "koski"): set(), ("Reijo Rivitalo", "toinen"): ALL}),
    Said("a shared switchboard", Told(email=mail("anna.vaihde", "vaihde"), phone="09 5656 100"),
         {("Anna Vaihde", "vaihde"): set(), ("Beata Vaihde", "vaihde"): ALL, ("Elsa Vaihde", "vaihde"): ALL,
          ("Fanni Vaihde", "vaihde"): ALL}),
    Said("a number of two", Told(email=mail("jaana", "lahti")),
         {("Jaana Jaettu", "lahti"): set(), ("Joni Jaettu", "lahti"): set()}),
    Said("a firm of that name", Told(email=mail("matti", "nimi")),
         {("Matti Virtanen", "nimi"): set(), (None, "nimi"): set(), ("Muu Mukana", "nimi"): ALL}),
    Said("a sole trader under another name", Told(register_id="H3"),
         {("Tuija Toimija", "sakset"): set(), (None, "sakset"): set()}),
    Said("one recipient", Told(email=mail("vesa.vastaanottaja")), {("Vesa Vastaanottaja", "koski"): ALL},
         options={"recipient": "r1"}),
    Said("surveys only", Told(email=mail("kysy.kysymatta")), {("Kysy Kysymatta", "koski"): ALL}, options={"purpose": "survey"}),
    Said("a domain", Told(domain="domain.fi"), {("Daavid Domain", "domain"): {"phone", "post"}}, "OBJECTION_ORGANISATION",
         {"scope": "domain"}),
    Said("an address", Told(address="Testikatu 12", postcode="00100"),
         {("Katri Katu", "katu"): {"email", "phone"}, (None, "katu"): set()}, "OBJECTION_CHANNEL", {"scope": "address"}),
    Said("a number, whoever has it", Told(phone="0407000029"), {("Numero Yksi", "lahti"): {"email", "post"}},
         "OBJECTION_CHANNEL", {"scope": "phone"}),
    Said("whose own number an association has", Told(email=mail("seppo.seura")), {("Seppo Seura", "koski"): set()}),
    Said("twice", Told(phone="040 7000063"), {("Tupla Kielto", "koski"): set()}),
    Said("twice, the second time", Told(email=mail("tupla.kielto")), {}),
    Said("several things, first a channel", Told(phone="040 7000064"), {}, "OBJECTION_CHANNEL", {"channel": "phone"}),
    Said("several things, then all", Told(name="Monta Kieltoa", business_id=FIRMS["koski"]),
         {("Monta Kieltoa", "koski"): set()}, "ERASED", {"kind": "erasure"}),
    Said("with all forenames", Told(name="Aune Maria Keskinen", business_id=FIRMS["koski"]),
         {("Aune Keskinen", "koski"): set()}),
    Said("and a namesake who trades later", Told(email=mail("toivo.toiminta")), {("Toivo Toiminta", "koski"): set()}),
    Said("the mailbox of an association", Told(name="Mauno Mattila", email=mail("mauno.mattila", "seura")), {}),
    Said("first a channel, then safety", Told(phone="040 7000071"), {}, "OBJECTION_CHANNEL", {"channel": "phone"}),
    Said("safety after a channel", Told(name="Sulo Suojattu", business_id=FIRMS["koski"]), {("Sulo Suojattu", "koski"): set()},
         "SAFETY", {"kind": "safety"}),
    Said("safety once more", Told(email=mail("sulo.suojattu")), {}, "SAFETY", {"kind": "safety"}),
    Said("first a channel, then anything", Told(phone="040 7000072"), {}, "OBJECTION_CHANNEL", {"channel": "phone"}),
    Said("anything after a channel", Told(name="Oiva Oikea", business_id=FIRMS["koski"]), {("Oiva Oikea", "koski"): set()}),
    Said("first a channel, then the organisation", Told(phone="040 7000073"), {}, "OBJECTION_CHANNEL", {"channel": "phone"}),
    Said("the organisation after a channel", Told(business_id=FIRMS["kaksi"]),
         {("Kaino Kaksi", "kaksi"): set(), (None, "kaksi"): set()}, "OBJECTION_ORGANISATION", {"scope": "organisation"}),
    Said("the organisation, then its domain", Told(domain="kaksi.fi"), {}, "OBJECTION_ORGANISATION", {"scope": "domain"}),
    Said("several things, and all once more", Told(email=mail("monta.kieltoa")), {}, "ERASED", {"kind": "erasure"}),
    Said("one channel, then its number", Told(phone="040 7000005"), {}, "OBJECTION_CHANNEL", {"scope": "phone"}),
    Said("a number of two, the other one", Told(email=mail("joni", "lahti")), {}),
    Said("a mailbox, whoever has it", Told(email=mail("laila.laatikko")), {("Laila Laatikko", "koski"): {"phone", "post"}},
         "OBJECTION_CHANNEL", {"scope": "email"}),
    Said("by their number in the house", Told(person_id="Hanna Henkilo"), {("Hanna Henkilo", "koski"): set()}),
    Said("and the number of an association", Told(email=mail("pekka.puhelin"), phone="040 7000076"),
         {("Pekka Puhelin", "koski"): set()}),
    Said("taken back", Told(email=mail("sovittu.sopinen")), {("Sovittu Sopinen", "koski"): ALL}),
    Said("a number of three", Told(phone="040 7000078"),
         {(f"{name} Trio", "lahti"): set() for name in ("Terho", "Terttu", "Tauno")}),
    Said("one of three", Told(email=mail("kaarlo.kolmas", "lahti")),
         {(f"{name} Kolmas", "lahti"): set() for name in ("Kaarlo", "Kerttu", "Kauko")}),
    Said("a switchboard and nothing else", Told(phone="09 5656 200"),
         {(f"{name} Lanka", "toinen"): {"email", "post"} for name in ("Lempi", "Leevi", "Liisa", "Lauha")}),
    Said("a mailbox of many", Told(email=mail("tiimi.alfa", "uusi"), name="Sari Saarni", business_id=FIRMS["uusi"]),
         {("Sari Saarni", "uusi"): set(), ("Satu Niemi", "uusi"): ALL}),
    Said("a name on one day", Told(name="Nelson Neljas", birth_date=date(1950, 1, 1)),
         {("Nelson Neljas", firm): set() for firm in ("koski", "lahti", "uusi", "toinen")}),
    Said("an organisation without an address", Told(business_id=FIRMS["vaiti"]), {}, options={"scope": "organisation"},
         extra=((Told(name="Lauri Virta", business_id=FIRMS["virta"]), "person"),)),
    Said("an organisation, surveys only", Told(business_id=FIRMS["hiljaa"]), {},
         options={"scope": "organisation", "purpose": "survey"}),
    Said("a namesake who is the same", Told(email=mail("sampo.samainen")),
         {("Sampo Samainen", "koski"): set(), ("Sampo Samainen", "uusi"): set()}),
    Said("a namesake who is another", Told(email=mail("eri.eronen")),
         {("Eri Eronen", "koski"): set(), ("Eri Eronen", "uusi"): ALL}),
    Said("a namesake, another than this one", Told(email=mail("toisto.toistonen")), {("Toisto Toistonen", "koski"): set()}),
    Said("a namesake of this one too", Told(phone="040 7000115"), {}),
    Said("a namesake of one who said it twice", Told(email=mail("kaima.kahdesti")), {("Kaima Kahdesti", "koski"): set()}),
    Said("the second time", Told(phone="040 7000117"), {}),
    Said("the namesake, of one recipient", Told(email=mail("kaima", "uusi")), {}, options={"recipient": "r2"}),
    Said("by the number of the register", Told(register_id="H10"), {("Numeroitu Nieminen", "koski"): set()}),
    Said("a namesake of the month before", Told(email=mail("raja.rajala")), {("Raja Rajala", "koski"): set()},
         options={"received_at": datetime(2026, 4, 2, 12)}),
    Said("a namesake of before that", Told(email=mail("ohi.ohinen")),
         {("Ohi Ohinen", "koski"): set(), ("Ohi Ohinen", "toinen"): ALL}, options={"received_at": datetime(2026, 4, 3, 12)}),
    Said("a firm of that name, told by name", Told(name="Lauri Virta", business_id=FIRMS["virta"]),
         {("Lauri Virta", "virta"): set(), (None, "virta"): set(), ("Venla Virta", "virta"): ALL}),
    Said("a firm of the name of nobody who is there", Told(name="Kaarina Kuutio", business_id=FIRMS["kuutio"]),
         {(None, "kuutio"): set()}),
    Said("one of three of a firm's name", Told(register_id="K0"), {(None, "kolmoset"): set()}),
    Said("one of four of a firm's name", Told(register_id="L0"), {(None, "neloset"): ALL - {"email", "phone"}}),
    Said("one of two with a mailbox", Told(phone="040 7000132"),
         {("Pari Parinen", "koski"): set(), ("Seija Sarinen", "koski"): set()}),
    Said("a person, known with where they work", Told(email=mail("lisa.avain")), {("Lisa Avain", "koski"): set()},
         extra=((Told(business_id=FIRMS["koski"]), "organisation"), (Told(domain="koski.fi"), "domain"),
                (Told(address="Testikatu 1", postcode="00100"), "address"))),
    Said("a number, known with more than it", Told(phone="040 7000199"), {}, "OBJECTION_CHANNEL", {"scope": "phone"},
         extra=((Told(person_id="Taina Tavallinen"), "person"), (Told(name="Fanni Vaihde"), "person"),
                (Told(name="Paula Pallo", business_id=FIRMS["pallo"]), "person"))),
    Said("one forename of two", Told(name="Tytti von Essen", birth_date=date(1961, 6, 1)),
         {("Tytti Tuulia von Essen", "koski"): set()}),
    Said("both forenames, the other one first", Told(name="Kaisa Kerttu Kolminen", birth_date=date(1961, 7, 1)),
         {("Kerttu Kaisa Kolminen", "koski"): set()}),
    Said("by the number, and with many names", Told(register_id="H42"), {("Ilta Irene von Illan", "koski"): set()}),
    Said("without the title", Told(name="Antti Professorinen", birth_date=date(1961, 9, 1)),
         {("Prof Antti Professorinen", "koski"): set()}),
    Said("with a forename like a title", Told(name="Tamminen Tohtori", birth_date=date(1961, 10, 1)),
         {("Tohtori Tamminen", "koski"): set()}),
    Said("by a number put right", Told(phone="040 7000161"), {("Kirsi Korjattu", "oikaistu"): set()}),
    Said("a firm of that trade name", Told(email=mail("maija", "sivu")),
         {("Maija Helena Meikka", "sivu"): set(), (None, "sivu"): set()}),
    Said("whose name an association's mailbox has", Told(name="Sanna Sihteeri", business_id=FIRMS["osasto"]),
         {(None, "osasto"): set()}),
    Said("who is not there yet", Told(name="Poissa Poissaoleva", email=mail("poissa", "muualla")), {}),
    Said("and trades beside another", Told(email=mail("veikko.varovainen")), {("Veikko Varovainen", "koski"): set()}),
    Said("and trades beside the other", Told(email=mail("unto.utelias")), {("Unto Utelias", "koski"): set()}),
]  # fmt: skip
TRADES_LATER = {("Toivo Toiminta", "varjo"), (None, "varjo")}
WAITING = {  # whom gate REVIEW holds back, and the first objection that makes them wait
    ("Reijo Rivitalo", "uusi"): "a new employer, and who was elsewhere before",
    ("Toivo Toiminta", "varjo"): "and a namesake who trades later",
    ("Birger Syntynyt", "lahti"): "a new employer, born the same day",
    ("Eri Eronen", "toinen"): "a namesake who is another",
    ("Toisto Toistonen", "uusi"): "a namesake of this one too",
    ("Kaima Kahdesti", "uusi"): "a namesake of one who said it twice",
    ("Numeroitu Nieminen", "lahti"): "by the number of the register",
    ("Raja Rajala", "uusi"): "a namesake of the month before",
    ("Poissa Poissaoleva", "lahti"): "who is not there yet",
    ("Veikko Varovainen", "peite"): "and trades beside another",
    ("Unto Utelias", "peite"): "and trades beside the other",
}
REVIEWED = {  # (name, firm) -> the objection they were compared with, and what was found
    ("Sampo Samainen", "uusi"): ("a namesake who is the same", "same"),
    ("Eri Eronen", "uusi"): ("a namesake who is another", "not_same"),
    ("Toisto Toistonen", "uusi"): ("a namesake, another than this one", "not_same"),
    ("Taina Tavallinen", "koski"): ("a number, whoever has it", "same"),
}
UNTOLD = {("Nina Notifioimaton", "koski"), ("Tiina Tilallinen", "tila"), ("Aapo Apulainen", "toiminimi"),
          ("Nelli Numero", "koski"), ("Veikko Varovainen", "peite")}  # fmt: skip
TWINS = {  # gate -> who does not pass it, on which channels, and a twin of theirs who passes on the same
    "EXTERNAL_LIST": (("Lasse Lista", "lahti"), {"phone"}, ("Taina Tavallinen", "koski")),
    "ROLE_EXCLUDED": (("Hannu Hallitus", "koski"), {"post"}, ("Taina Tavallinen", "koski")),
    "ORGANISATION_STATUS": (("Konsta Konkurssi", "konkurssi"), CHANNELS, ("Taina Tavallinen", "koski")),
    "NOTICE_DUE": (("Nina Notifioimaton", "koski"), CHANNELS, ("Taina Tavallinen", "koski")),
    "LEGAL_FORM_CHANNEL": (("Tarmo Toiminimi", "toiminimi"), {"email"}, ("Taina Tavallinen", "koski")),
    "STALE": (("Vanha Tieto", "koski"), CHANNELS, ("Taina Tavallinen", "koski")),
    "REVIEW": (("Reijo Rivitalo", "uusi"), CHANNELS, ("Reijo Rivitalo", "toinen")),
}
