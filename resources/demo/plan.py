"""The plan of the demonstration city, drawn by hand, in kilometres from the market cross."""

ORIGIN = (430_000.0, 380_000.0)  # the market cross, British National Grid
WORLD_MARGIN = 900.0  # streets go on this far beyond the boundary, in metres
NEIGHBOURHOOD_SPACING = 590.0

OUTLINE = [(-4.9, -3.4), (-5.1, 0.2), (-4.7, 2.4), (-3.7, 4.3), (-1.8, 4.6), (0.3, 5.3), (2.2, 5.0),
           (3.9, 4.3), (4.2, 2.6), (5.1, 1.2), (4.8, -0.8), (5.0, -3.6)]
RIVER = [(-9.0, -3.4), (-5.5, -2.2), (-3.2, -2.7), (-1.2, -1.35), (0.6, -1.25), (2.2, -2.3), (4.2, -2.1),
         (6.0, -3.0), (9.0, -2.6)]
RIVER_HALF_WIDTH = 42.0
MAIN_ROADS = {
    "London Road": [(0, 0), (0.1, -1.25), (0.4, -2.4), (0.2, -4.5)],
    "Great North Road": [(0, 0), (0.2, 1.2), (-0.1, 2.7), (0.3, 4.2), (0.2, 7.0)],
    "Eastgate": [(0, 0), (1.3, 0.2), (2.9, 0.75), (4.1, 0.9), (7.0, 1.4)],
    "Westgate": [(0, 0), (-1.4, 0.15), (-2.7, 0.9), (-4.3, 1.2), (-7.0, 1.8)],
    "Thornley Road": [(0.15, 0.6), (1.2, 1.6), (2.0, 2.9), (3.2, 4.3), (4.6, 6.6)],
    "Abbey Road": [(-0.3, 0.57), (-1.1, 1.7), (-1.6, 2.5), (-3.0, 4.2), (-4.2, 6.6)],
    "Saltmarsh Lane": [(-0.55, -0.3), (-1.8, -0.8), (-3.4, -1.6), (-5.0, -1.4), (-7.0, -1.1)],
    "Foundry Road": [(0.5, -0.4), (1.6, -1.0), (3.0, -1.3), (4.6, -1.2), (7.0, -1.7)],
    "Holme Bridge Road": [(3.0, -1.3), (3.2, -2.25), (3.6, -4.5)],
    "Toll Bridge Road": [(-3.4, -1.6), (-3.5, -2.65), (-3.9, -4.5)],
    "South Bank": [(-7.0, -3.3), (-5.4, -2.9), (-3.6, -3.3), (-1.3, -1.95), (0.4, -1.8), (2.2, -2.95),
                   (3.3, -2.75), (5.5, -3.4), (7.0, -3.5)],
    "Ring Road": [(-3.4, -1.6), (-3.2, -0.2), (-2.7, 0.9), (-2.4, 1.7), (-1.6, 2.5), (-0.1, 2.7),
                  (1.1, 2.9), (2.0, 2.9), (2.7, 2.0), (2.9, 0.75), (3.1, -0.3), (3.0, -1.3)],
    "Inner Ring": [(0.68, 0.1), (0.15, 0.6), (-0.3, 0.57), (-0.66, 0.1), (-0.55, -0.3), (0.03, -0.4),
                   (0.5, -0.4), (0.68, 0.1)],
}
RAILWAYS = {
    "Northbridge Main Line": [(-7.0, -0.4), (-4.2, -0.35), (-2.0, -0.25), (-0.6, -0.68), (0.8, -0.66),
                              (3.8, -0.5), (7.0, 0.2)],
    "Whinfield Branch": [(0.8, -0.66), (2.0, -0.35), (3.5, 0.9), (3.6, 2.4), (3.3, 3.7), (3.7, 6.6)],
}
STATIONS = {"Northbridge Central": (-0.15, -0.72), "Westfield": (-3.9, -0.33), "Holme": (3.6, -0.53),
            "Whinfield": (3.6, 2.3)}  # a fifth, beyond the boundary, is placed on the main line
TOWN_CENTRE = (0.0, 0.0)
DISTRICT_CENTRES = [(-2.7, 0.9), (2.0, 2.9)]
INDUSTRY = [(4.1, -1.0, 0.8), (1.9, -0.9, 0.5), (-2.3, -1.0, 0.55), (4.3, 0.2, 0.5)]  # x, y, radius
WARDS = {
    "Castle": (0.0, -0.1), "Riverside": (-1.4, -0.9), "Eastgate": (1.5, 0.3), "Northgate": (0.1, 1.5),
    "St Oswald's": (-1.5, 1.0), "Marsh Green": (-2.9, 0.6), "Westfield": (-4.2, 1.3), "Abbey": (-2.1, 2.6),
    "Thornley": (1.9, 2.7), "Moorside": (0.1, 3.2), "High Moor": (0.4, 4.6), "Foundry": (1.8, -1.2),
    "Eastfield": (4.2, 1.3), "Holme": (3.9, -1.2), "Whinfield": (3.4, 3.4), "Quarry Bank": (-3.0, 3.9),
    "Saltmarsh": (-3.7, -1.2),
}
LARGE_PARKS = {
    "Castle Park": (0.95, 0.95), "Abbey Common": (-2.8, 2.5), "High Moor Country Park": (-0.7, 4.4),
    "Saltmarsh Meadows": (-4.4, -1.95), "Eastfield Park": (3.4, 1.7), "Victoria Park": (-1.3, -0.35),
    "Holme Playing Fields": (2.3, -1.9), "Westfield Golf Course": (-5.3, 2.4), "Brackenhill Wood": (2.5, 5.7),
}
PARKS_WITH_LAKE = ("Castle Park", "High Moor Country Park", "Eastfield Park")
PARK_CUT_BY_ROAD = "Abbey Common"  # becomes a multipolygon
SMALL_PARKS = 21
PARK_KINDS = ("Recreation Ground", "Gardens", "Green", "Park", "Playing Field", "Allotments")
# Land use: metres between parallel streets and between cross streets, share of each kept, bend in metres.
STREET_GRIDS = {
    "centre": (85.0, 110.0, 0.85, 0.80, 8.0),
    "terrace": (82.0, 190.0, 0.88, 0.70, 9.0),
    "suburb": (105.0, 210.0, 0.80, 0.55, 30.0),
    "industry": (230.0, 300.0, 0.75, 0.55, 10.0),
}
STREET_STEMS = (
    "Albert", "Alma", "Alder", "Ashfield", "Beech", "Birch", "Bramley", "Brook", "Cavendish", "Cedar",
    "Chapel", "Church", "Clarence", "Clifton", "Coronation", "Cross", "Derby", "Dale", "Elm", "Fairfield",
    "Farm", "Garden", "George", "Gladstone", "Glebe", "Grange", "Grove", "Hawthorn", "Heath", "Hill",
    "Holly", "Inkerman", "Ivy", "Jubilee", "Kiln", "King", "Lansdowne", "Larch", "Laurel", "Lime", "Linden",
    "Manor", "Maple", "Market", "Meadow", "Mill", "Milton", "Moor", "Nelson", "New", "Oak", "Orchard",
    "Oxford", "Park", "Pine", "Poplar", "Princess", "Priory", "Quarry", "Queen", "Rectory", "Rowan",
    "Russell", "School", "Spring", "Stanley", "Sycamore", "Tanner", "Temple", "Tower", "Trinity", "Union",
    "Vicarage", "Victoria", "Vine", "Walnut", "Water", "Wellington", "Willow", "Windsor", "York",
)
STREET_ENDINGS = {
    "centre": ("Street", "Street", "Row", "Yard", "Lane"),
    "terrace": ("Street", "Street", "Terrace", "Road", "Place"),
    "suburb": ("Avenue", "Road", "Close", "Drive", "Crescent", "Grove"),
    "industry": ("Way", "Works Road", "Park Road"),
    "collector": ("Lane", "Road", "Road"),
}
# Words for invented names of places.
NAME_WORDS = {
    "adjective": (
        "Red", "Black", "White", "Golden", "Old", "Blue", "Silver", "Green", "Copper", "Jolly", "Royal",
        "Merry", "Lucky",
    ),
    "beast": (
        "Lion", "Swan", "Bull", "Horse", "Anchor", "Crown", "Plough", "Fox", "Bell", "Wheatsheaf", "Stag",
        "Oak", "Miller", "Weaver",
    ),
    "surname": (
        "Adeyemi", "Ainscough", "Baines", "Barrow", "Chaudhry", "Clegg", "Dobson", "Entwistle", "Fenn",
        "Gill", "Hallam", "Iqbal", "Jessop", "Kaur", "Lister", "Mistry", "Nowak", "Oddie", "Patel",
        "Quigley", "Rahman", "Sugden", "Tate", "Underhill", "Varley", "Wren", "Yates", "Zielinski",
        "Holroyd", "Marsden", "Pickles", "Ramsden",
    ),
    "letter": (
        "A", "B", "C", "D", "E", "F", "G", "H", "J", "K",
    ),
}
