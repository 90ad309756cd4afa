//! German words. What stands in a list, and where, is part of every fake: a list is never changed, or all fakes change.

use super::Words;

pub(super) const WORDS: Words = Words {
    first_names: "\
Anna,Ben,Clara,David,Emma,Felix,Greta,Hannes,Ida,Jonas,Katharina,Lukas,Marie,Niklas,Olga,Paul,Rosa,Stefan,Tina,Ulrich,Vera,Wolfgang,\
Andreas,Sabine,Thomas,Petra,Michael,Monika,Peter,Renate,Klaus,Ursula,Jürgen,Helga,Hans,Karin,Werner,Brigitte,Manfred,Ingrid,Uwe,\
Angelika,Frank,Susanne,Bernd,Gabriele,Dieter,Elke,Günter,Birgit,Christian,Martina,Martin,Heike,Matthias,Andrea,Jörg,Claudia,Ralf,\
Barbara,Markus,Stefanie,Sven,Nicole,Dirk,Anja,Torsten,Silke,Jan,Katja,Tobias,Sandra,Daniel,Julia,Sebastian,Melanie,Florian,Nadine,\
Alexander,Christina,Philipp,Laura,Maximilian,Lea,Leon,Lena,Finn,Mia,Elias,Hannah,Noah,Sophie,Luis,Emilia,Henry,Lina,Oskar,Mila,Theo,\
Ella,Anton,Leonie,Emil,Charlotte,Jakob,Frieda,Moritz,Mathilda,Julian,Amelie,Simon,Luisa,Johannes,Johanna,Fabian,Nele,Tim,Pia,Nico,\
Antonia,Marcel,Franziska,Patrick,Vanessa,Dennis,Jessica,Kevin,Jasmin,Oliver,Tanja,Holger,Kerstin,Rainer,Ute,Joachim,Doris,Gerhard,\
Gisela,Heinz,Erika,Karl,Edith,Walter,Hildegard,Horst,Gerda,Helmut,Ilse,Heinrich,Elfriede,Hermann,Margarete,Otto,Irmgard,Friedrich,\
Elisabeth,Wilhelm,Gertrud,Ernst,Lieselotte,Rudolf,Waltraud,Siegfried,Christa,Erich,Marianne,Kurt,Rita,Norbert,Jutta,Lothar,Cornelia,\
Volker,Annette,Hartmut,Beate,Reinhard,Regina,Rolf,Dagmar,Axel,Astrid,Carsten,Britta,Detlef,Anke,Eberhard,Heidi,Gregor,Ines,Henrik,\
Judith,Ingo,Maren,Jens,Miriam,Kai,Nora,Lars,Paula,Malte,Ronja,Ole,Svenja",
    last_names: "\
Müller,Schmidt,Schneider,Fischer,Weber,Meyer,Wagner,Becker,Schulz,Hoffmann,Schäfer,Koch,Bauer,Richter,Klein,Wolf,Schröder,Neumann,\
Schwarz,Zimmermann,Braun,Krüger,Hofmann,Hartmann,Lange,Schmitt,Werner,Schmitz,Krause,Meier,Lehmann,Schmid,Schulze,Maier,Köhler,\
Herrmann,König,Walter,Mayer,Huber,Kaiser,Fuchs,Peters,Lang,Scholz,Möller,Weiß,Jung,Hahn,Schubert,Vogel,Friedrich,Keller,Günther,\
Frank,Berger,Winkler,Roth,Beck,Lorenz,Baumann,Franke,Albrecht,Schuster,Simon,Ludwig,Böhm,Winter,Kraus,Martin,Schumacher,Krämer,\
Vogt,Stein,Jäger,Otto,Sommer,Groß,Seidel,Heinrich,Brandt,Haas,Schreiber,Graf,Schulte,Dietrich,Ziegler,Kuhn,Kühn,Pohl,Engel,Horn,\
Busch,Bergmann,Thomas,Voigt,Sauer,Arnold,Wolff,Pfeiffer,Ernst,Lindner,Hübner,Kramer,Hansen,Barth,Fiedler,Kern,Kirsch,Nowak,Albers,\
Beyer,Böttcher,Burger,Dietz,Döring,Ebert,Eckert,Fink,Förster,Fritz,Gebhardt,Gerlach,Götz,Grimm,Haase,Hagen,Harms,Heinz,Heller,Hermann,\
Heß,Hiller,Hohmann,Holz,Jahn,Jansen,Janßen,Kaufmann,Kessler,Klose,Knoll,Kolb,Konrad,Kopp,Kraft,Krebs,Kruse,Kunz,Kurz,Lenz,Lutz,Marx,\
Maurer,Menzel,Metzger,Michel,Moser,Mohr,Nagel,Naumann,Nickel,Noack,Oswald,Pape,Paul,Petersen,Preuß,Raab,Rau,Reich,Reimer,Reinhardt,\
Reuter,Riedel,Ritter,Röder,Rose,Rudolph,Runge,Sander,Schiller,Schlüter,Schramm,Schütz,Schwab,Seifert,Siebert,Stadler,Stahl,Steiner,\
Stoll,Straub,Strobel,Thiel,Tietz,Ullrich,Unger,Urban,Wegner,Weidner,Wendt,Wenzel,Wirth,Witt,Zander,Zeller",
    cities: "\
Aachen,Aalen,Ahlen,Altenburg,Amberg,Ansbach,Arnstadt,Aschersleben,Augsburg,Bamberg,Bautzen,Bayreuth,Bernburg,Bielefeld,Bocholt,Bochum,\
Bonn,Brandenburg,Braunschweig,Bremen,Celle,Chemnitz,Coburg,Cottbus,Darmstadt,Dessau,Detmold,Dortmund,Dresden,Duisburg,Eisenach,Emden,\
Erfurt,Erlangen,Essen,Esslingen,Flensburg,Frankfurt,Freiberg,Freiburg,Fulda,Fürth,Gera,Gießen,Görlitz,Gotha,Göttingen,Greifswald,\
Gütersloh,Hagen,Halle,Hamburg,Hameln,Hamm,Hanau,Hannover,Heidelberg,Heilbronn,Herford,Hildesheim,Hof,Ingolstadt,Jena,Kaiserslautern,\
Karlsruhe,Kassel,Kempten,Kiel,Koblenz,Köln,Konstanz,Krefeld,Landshut,Leipzig,Lübeck,Lüneburg,Magdeburg,Mainz,Mannheim,Marburg,Minden,\
München,Münster,Neuss,Nürnberg,Offenburg,Oldenburg,Osnabrück,Paderborn,Passau,Pforzheim,Potsdam,Regensburg,Rosenheim,Rostock,Saarbrücken,\
Schwerin,Siegen,Stralsund,Stuttgart,Suhl,Trier,Tübingen,Ulm,Weimar,Wiesbaden,Wismar,Wolfsburg,Worms,Würzburg,Zwickau",
    streets: "\
Ahornweg,Am Anger,Am Bach,Am Markt,Amselweg,An der Mühle,Bachstraße,Bahnhofstraße,Bergstraße,Birkenweg,Blumenstraße,Brunnenstraße,\
Buchenweg,Burgstraße,Dorfstraße,Drosselweg,Eichenweg,Erlenweg,Eschenweg,Falkenweg,Feldstraße,Fichtenweg,Finkenweg,Fliederweg,\
Friedhofstraße,Gartenstraße,Goethestraße,Grüner Weg,Hauptstraße,Heideweg,Hochstraße,Höhenweg,Im Winkel,Industriestraße,Jahnstraße,\
Kapellenweg,Kastanienallee,Kiefernweg,Kirchplatz,Kirchstraße,Lerchenweg,Lessingstraße,Lindenallee,Lindenstraße,Marktplatz,Meisenweg,\
Mittelstraße,Mozartstraße,Mühlenweg,Neue Straße,Nelkenweg,Nordstraße,Oststraße,Parkstraße,Poststraße,Ringstraße,Rosenweg,Schillerstraße,\
Schloßstraße,Schulstraße,Sonnenstraße,Südstraße,Talstraße,Tannenweg,Tulpenweg,Uferweg,Ulmenweg,Waldstraße,Wiesenweg,Ziegelweg",
    number_first: false,
    number_between: " ",
    trades: "\
Anlagenbau,Automobile,Bau,Beratung,Chemie,Daten,Dienste,Druck,Elektronik,Energie,Feinkost,Fenster,Garten,Glas,Handel,Holz,Immobilien,\
Kabel,Keramik,Kunststoffe,Lacke,Logistik,Maschinenbau,Medien,Metall,Möbel,Mode,Optik,Papier,Pharma,Reisen,Software,Spedition,Stahl,\
Systeme,Technik,Textil,Verlag,Versand,Werkzeuge",
    legal_forms: "GmbH,AG,KG,OHG,GmbH & Co. KG,e. K.,UG,SE",
    // Bundesnetzagentur, numbers for media productions ("Drama Numbers").
    phones: "+49 30 23125###,+49 40 66969###,+49 69 90009###,+49 221 4710###,+49 89 99998###",
};
