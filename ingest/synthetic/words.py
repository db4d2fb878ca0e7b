"""Word lists for made-up names. None is a person's name; what they combine to is fiction, whoever may bear it."""


def _words(text: str) -> list[str]:
    return text.split()


FIRST_FI = _words(
    """Pohjan Meri Kivi Tammi Hopea Taika Järvi Kuusi Lumi Revon Aamu Ilta Kallio Koivu Sininen Kulta Tuuli Virta Suvi
Talvi Kevät Syys Honka Haapa Pihlaja Vaahtera Kataja Karhun Hirven Joutsen Kotkan Haukan Ilves Näädän Ahdin Louhen Väinön
Halla Routa Usva Salama Ukkos Revontuli Saari Ranta Koski Lähde Suo Harju Tunturi Erä Metsä Pelto Niitty Kukka Mansikka
Puolukka Hilla Rauta Teräs Kupari Lasi Savi Hiekka Turve Terva Öljy Äly Yö"""
)
LAST_FI = _words(
    """tähti ranta laakso pelto niemi harju valo silta portti kaari polku kehto kota linna pirtti mylly paja verstas
aitta torni pilari juuri oksa lehti versio siemen sato virta koski lampi lahti salmi luoto kari kallio vuori kumpu notko
aukio raitti kulma risti solmu lanka köysi purje airo ankkuri kompassi majakka luotsi"""
)
FIRST_SV = _words(
    """Nord Björk Sjö Sten Ek Hav Silver Guld Måne Sol Skär Strand Äng Ås Örn Svan Lax Säl Gran Tall Ljung Is Snö Vind
Våg Klipp Berg Dal Lind Alm Ask Rönn Hassel Klöver"""
)
LAST_SV = _words(
    """stjärna strand dal backe ljus bro hamn ö vik sund näs holm lund kulla torp gård kvarn smedja kompass segel
ankare fyr lots båge"""
)
TRADES_FI = _words(
    """Rakennus Kuljetus Konsultointi Sähkö Putki Siivous Ohjelmistot Kiinteistöpalvelut Tilipalvelu Kahvila Leipomo
Metalli Konepaja Maalaus Katto LVI Autohuolto Varaosat Rengas Hammashoito Fysioterapia Hieronta Kampaamo Kukkakauppa Puutarha
Metsäpalvelu Energia Tuulivoima Logistiikka Varasto Painotalo Mainos Media Valokuva Elokuva Musiikki Urheilu Matkailu Majoitus
Ravintola Catering Koulutus Henkilöstö Vuokraus Sijoitus Kehitys Insinööritoimisto Arkkitehdit Sisustus Huonekalu Tekstiili
Jäte Kierrätys Maanrakennus Mittaus Turva Vartiointi Tietoverkko Peli Data Pilvi Analytiikka"""
)
TRADES_SV = _words(
    """Bygg Transport Konsult El Rör Städ Programvara Fastighet Bokföring Café Bageri Metall Verkstad Måleri Tak Bil
Trädgård Skog Energi Logistik Tryckeri Media Turism Restaurang Utbildning Invest Fiske Båt"""
)
STREETS_FI = _words(
    """Koivu Tammi Mänty Kuusi Haapa Leppä Pihlaja Vaahtera Tehdas Asema Satama Ranta Kirkko Koulu Mylly Kauppa
Pappila Kartano Niitty Pelto Metsä Mäki Kallio Harju Järvi Joki Koski Lähde Hiekka Savi Kivi Louhi Seppä Suutari Räätäli
Puuseppä Teollisuus Yrittäjä Keskus Tori Linna Keisarin Kuninkaan Valta Itäinen Läntinen Etelä Pohjois Ojan Sillan"""
)
STREETS_SV = _words(
    """Björk Ek Tall Gran Asp Al Rönn Lönn Fabriks Stations Hamn Strand Kyrko Skol Kvarn Handels Ängs Åker Skogs
Backa Klipp Ås Sjö Å Sand Lera Sten Smeds Torg Slotts Kungs Östra Västra Södra Norra Bro"""
)
STREET_ENDS_FI = _words("katu katu katu tie tie tie tie polku kuja kuja rinne kaari väylä raitti aukio")
STREET_ENDS_SV = _words("gatan gatan gatan vägen vägen vägen stigen gränden backen")
HOUSES_FI = _words(
    """Kotipiha Päivänkehrä Onnenpesä Kivikehto Tornitalo Rantahovi Puistolinna Asemanhelmi Torinkulma Metsänreuna
Satamantähti Myllynkivi Koulurinne Harjunhelmi Lintukoto Pikkulinna Suvituuli Aamurusko Kuunsilta Iltatähti"""
)
HOUSES_SV = _words("Solsidan Björkgården Havsutsikten Sjöstjärnan Kullagård Parkudden Hamnlyktan Ängsro Skogsbrynet Fyrbåken")

# Names that break naive readers: formula starts, quotes, backslashes, JSON-like text, blanks, words read as null or number.
# {0} is the ordinary name. All of them are legitimate names and must land byte for byte.
AWKWARD = [
    "+{0}",
    "-5 {0}",
    "={0}",
    "@{0}",
    '"{0}"',
    "Ravintola \"Kulma\" '{0}'",
    "Kenoviiva\\ {0}",
    "{0} \\",
    'Aukko},{"businessId":{"value":"{0}',
    "}]},{{0}",
    "[{0}] {}",
    "NULL {0}",
    "{0};DROP TABLE",
    "1-2 {0}",
    "{0} & Söner <b>Ab</b>",
    "Łódź–Œuvre {0}",
    "  {0}  ",
    "{0}\u00a0№ 1 😀",
]

FOREIGN_LINES = [
    ("SE", "Norrskensvägen {0} \nSE-451 75 Uddevalla"),
    ("SE", "Påhittade gatan {0}\n111 22 STOCKHOLM\nSVERIGE"),
    ("DE", "Erfundene Strasse {0}\n10115 Berlin\nGERMANY"),
    ("EE", "Väljamõeldud tn {0}-4\n10111 Tallinn\nEESTI"),
    ("GB", "{0} Madeup Lane\nLondon EC1A 1ZZ\nUNITED KINGDOM"),
    ("US", "{0} Fictional Ave, Suite 5\nNew York, NY 10001"),
]
