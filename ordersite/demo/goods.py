"""The people, articles, exchange rates and texts of the demo shop."""

from decimal import Decimal

# fmt: off
PEOPLE = (  # name, country, currency, address
    ("Ada Whitfield", "United Kingdom", "GBP", "12 Orchard Row\nBath BA1 5QP"),
    ("Tomasz Zieliński", "Poland", "PLN", "ul. Lipowa 8/14\n30-702 Kraków"),
    ("Aoife Brennan", "Ireland", "EUR", "4 Quay Street\nGalway H91 NC5X"),
    ("Jean-Luc Moreau", "France", "EUR", "27 rue des Tilleuls\n69003 Lyon"),
    ("Ingrid Solheim", "Norway", "NOK", "Fjordveien 3\n5003 Bergen"),
    ("Haruto Tanaka", "Japan", "JPY", "2-7-1 Sakura\nSetagaya-ku, Tokyo 154-0012"),
    ("Grace Okafor", "United Kingdom", "GBP", "Flat 3, 88 Mill Lane\nLeeds LS2 8JX"),
    ("Lukas Baumann", "Germany", "EUR", "Gartenweg 19\n50674 Köln"),
    ("Sofía Navarro", "Spain", "EUR", "Calle del Olivo 6, 2º B\n41003 Sevilla"),
    ("Emily Carter", "United States", "USD", "510 Maple Avenue\nPortland, OR 97205"),
    ("Noah van Dijk", "Netherlands", "EUR", "Molenstraat 41\n3511 BJ Utrecht"),
    ("Layla Haddad", "Bahrain", "BHD", "Villa 22, Road 1705\nManama 317"),
    ("Oliver Pemberton", "United Kingdom", "GBP", "The Old Forge\nLudlow SY8 1AA"),
    ("Mette Kjær", "Denmark", "DKK", "Havnegade 12\n8000 Aarhus C"),
    ("Chiara Ricci", "Italy", "EUR", "Via dei Mulini 5\n40125 Bologna"),
    ("Hannah Lindqvist", "Sweden", "SEK", "Björkgatan 7\n753 27 Uppsala"),
    ("Rhys Llewellyn", "United Kingdom", "GBP", "9 Harbour View\nSwansea SA1 1TY"),
    ("Urs Ammann", "Switzerland", "CHF", "Seestrasse 30\n8002 Zürich"),
)
GOODS = (
    ("LNT-014", "Brass storm lantern", "24.50"), ("MUG-201", "Stoneware mug, oatmeal", "9.95"),
    ("MUG-202", "Stoneware mug, slate", "9.95"), ("BLK-330", "Merino throw, heather", "79.00"),
    ("CND-118", "Beeswax candle, pair", "12.40"), ("TRY-075", "Ash serving tray", "34.00"),
    ("VAS-042", "Bud vase, smoked glass", "18.25"), ("CLK-009", "Wall clock, walnut", "64.90"),
    ("NAP-510", "Linen napkins, set of 4", "22.00"), ("JUG-077", "Enamel jug, 1.5 l", "27.80"),
    ("HOT-021", "Knitted hot water bottle", "16.95"), ("TIN-603", "Tea tin, botanical", "7.49"),
    ("SOA-044", "Oat milk soap", "4.35"), ("PEN-310", "Bent-wood pencil pot", "11.20"),
    ("BAG-808", "Waxed canvas tote", "38.75"), ("KNF-016", "Bread knife, olive wood", "42.60"),
)
RATES = {currency: Decimal(rate) for currency, rate in (
    ("GBP", "1"), ("EUR", "1.17"), ("USD", "1.27"), ("JPY", "190"), ("NOK", "13.6"), ("PLN", "5.0"),
    ("BHD", "0.479"), ("DKK", "8.7"), ("SEK", "13.3"), ("CHF", "1.12"),
)}
REASONS = ("Ordered twice by mistake", "Delivery would take too long", "Found it cheaper elsewhere", "Out of stock")
NOTES = (
    ("Rang to ask when it comes; told Thursday.", False),
    ("Is a present: no invoice in the parcel.", False),
    ("We have put your parcel aside until the lantern is back from the workshop.", True),
    ("Usual customer, knows the shop.", False),
)
CARRIERS = ("Royal Mail", "DHL", "DPD", "UPS")
METHODS = ("card", "card", "card", "paypal", "transfer")
# fmt: on
