-- Names, places and formats by country; all that is made from them goes with schema gen at the end.
-- A name with a part after "=" is written with that part in an e-mail address.
-- Telephone numbers are of ranges kept free for fiction where a country has such (Ofcom, NANP 555-01xx, Bundesnetzagentur,
-- Arcep, PTS); # is a digit.
CREATE SCHEMA gen;

CREATE TABLE gen.country (code char(2), share int, phone text, zip text, first_names text[], last_names text[], cities text[], streets text[]);
INSERT INTO gen.country VALUES
('DE', 26, '+49 30 23125 ###', '#####',
 '{Anna,Lukas,Marie,Jürgen=juergen,Katharina,Maximilian,Sophie,Jörg=joerg,Heike,Stefan,Claudia,Wolfgang,Annika,Tobias,Greta,Moritz,Ayşe=ayse,Hannelore,Björn=bjoern,Ute}',
 '{Müller=mueller,Schmidt,Schneider,Fischer,Weber,Wagner,Becker,Schulz,Hoffmann,Schäfer=schaefer,Koch,Bauer,Richter,Klein,Wolf,Schröder=schroeder,Neumann,Zimmermann,Krüger=krueger,Yılmaz=yilmaz,Groß=gross,Vogel,Lehmann,Köhler=koehler}',
 '{Berlin,Hamburg,München,Köln,Leipzig,Dresden,Freiburg,Kiel,Münster,Stuttgart}', '{Hauptstraße,Gartenweg,Lindenallee,Bahnhofstraße,Am Mühlbach,Goethestraße}'),
('FR', 12, '+33 1 99 00 ## ##', '#####',
 '{Camille,Louis,Chloé=chloe,Hugo,Léa=lea,Jules,Manon,Gabriel,Élodie=elodie,Antoine,Mathilde,Théo=theo,Inès=ines,François=francois,Aurélie=aurelie,Mohamed}',
 '{Martin,Bernard,Dubois,Thomas,Robert,Petit,Durand,Leroy,Moreau,Lefèvre=lefevre,Garnier,Chevalier,Gauthier,Perrin,Benali,Rousseau,Mercier,Guérin=guerin}',
 '{Paris,Lyon,Marseille,Nantes,Lille,Bordeaux,Strasbourg,Rennes}', '{rue Victor Hugo,rue de la Gare,avenue Foch,place du Marché,rue des Lilas}'),
('US', 12, '+1 212-555-01##', '#####',
 '{Emma,Liam,Olivia,Noah,Ava,James,Sophia,William,Isabella,Michael,Mia,Ethan,Jasmine,Tyrone,Guadalupe,Ashley,Brandon,Wei,Priya,Dwayne}',
 '{Smith,Johnson,Williams,Brown,Jones,Garcia,Miller,Davis,Rodriguez,Martinez,O''Brien=obrien,Anderson,Taylor,Nguyen,Washington,Lee,Thompson,Jackson,Patel,Kowalski}',
 '{New York,Chicago,Houston,Seattle,Denver,Boston,Atlanta,Portland}', '{Main Street,Oak Avenue,2nd Street,Maple Drive,Lake View Road}'),
('GB', 10, '+44 7700 900###', 'SW## #AB',
 '{Oliver,Amelia,George,Isla,Harry,Poppy,Siobhán=siobhan,Callum,Nia,Rhys,Zara,Imran,Charlotte,Alistair,Freya,Kwame}',
 '{Smith,Jones,Taylor,Davies,Evans,Wilson,Roberts,Hughes,Khan,MacDonald,Campbell,Begum,Okafor,Walker,Wright,Singh,O''Neill=oneill,Clarke}',
 '{London,Manchester,Leeds,Bristol,Cardiff,Glasgow,Belfast,York}', '{High Street,Station Road,Church Lane,Victoria Road,Mill Lane}'),
('ES', 8, '+34 600 00# ###', '#####',
 '{Lucía=lucia,Hugo,Sofía=sofia,Martín=martin,María=maria,José=jose,Iñaki=inaki,Begoña=begona,Álvaro=alvaro,Nerea,Jordi,Montserrat}',
 '{García=garcia,Fernández=fernandez,González=gonzalez,Rodríguez=rodriguez,López=lopez,Martínez=martinez,Sánchez=sanchez,Pérez=perez,Muñoz=munoz,Ibáñez=ibanez,Puig,Etxeberria}',
 '{Madrid,Barcelona,Sevilla,Valencia,Bilbao,Málaga}', '{Calle Mayor,Calle del Sol,Avenida de la Paz,Plaza Nueva}'),
('IT', 8, '+39 06 5550 ####', '#####',
 '{Giulia,Leonardo,Francesca,Alessandro,Chiara,Lorenzo,Niccolò=niccolo,Martina,Matteo,Elena,Giovanni,Beatrice}',
 '{Rossi,Russo,Ferrari,Esposito,Bianchi,Romano,Colombo,Ricci,Marino,Greco,D''Angelo=dangelo,De Luca=deluca,Conti,Gallo}',
 '{Roma,Milano,Napoli,Torino,Bologna,Firenze}', '{via Roma,via Garibaldi,corso Italia,piazza Dante}'),
('PL', 6, '+48 22 555 ## ##', '##-###',
 '{Zofia,Jakub,Zuzanna,Szymon,Łukasz=lukasz,Małgorzata=malgorzata,Paweł=pawel,Agnieszka,Wojciech,Katarzyna}',
 '{Nowak,Kowalski,Wiśniewski=wisniewski,Wójcik=wojcik,Kowalczyk,Kamiński=kaminski,Lewandowski,Zieliński=zielinski,Szymański=szymanski,Dąbrowski=dabrowski}',
 '{Warszawa,Kraków,Łódź,Wrocław,Gdańsk}', '{ulica Polna,ulica Leśna,ulica Słoneczna,ulica Krótka}'),
('NL', 5, '+31 20 555 ####', '#### AB',
 '{Daan,Emma,Sem,Julia,Bram,Fleur,Thijs,Sanne,Joost,Willemijn}',
 '{de Jong=dejong,Jansen,de Vries=devries,van den Berg=vandenberg,Bakker,van Dijk=vandijk,Visser,Smit,Meijer,de Boer=deboer}',
 '{Amsterdam,Rotterdam,Utrecht,Groningen,Eindhoven}', '{Dorpsstraat,Kerkstraat,Molenweg,Prinsengracht}'),
('TR', 4, '+90 212 555 ## ##', '#####',
 '{Zeynep,Yusuf,Elif,Mustafa,Defne,Çağlar=caglar,Gülşen=gulsen,Emre,Özge=ozge,İbrahim=ibrahim}',
 '{Yılmaz=yilmaz,Kaya,Demir,Şahin=sahin,Çelik=celik,Yıldız=yildiz,Öztürk=ozturk,Aydın=aydin,Arslan,Doğan=dogan}',
 '{İstanbul,Ankara,İzmir,Bursa}', '{Atatürk Caddesi,İstiklal Caddesi,Gül Sokak}'),
('SE', 3, '+46 8 465 004 ##', '### ##',
 '{Alice,Lucas,Maja,Oscar,Åsa=asa,Göran=goran,Linnéa=linnea,Björn=bjorn}',
 '{Andersson,Johansson,Karlsson,Nilsson,Eriksson,Lindström=lindstrom,Sjöberg=sjoberg,Åkesson=akesson}',
 '{Stockholm,Göteborg,Malmö,Uppsala}', '{Storgatan,Drottninggatan,Skolvägen}'),
('GR', 2, '+30 21 0555 ####', '### ##',
 '{Ελένη=eleni,Γιώργος=giorgos,Μαρία=maria,Κωνσταντίνος=konstantinos,Σοφία=sofia,Δημήτρης=dimitris}',
 '{Παπαδόπουλος=papadopoulos,Νικολάου=nikolaou,Γεωργίου=georgiou,Οικονόμου=oikonomou,Βλάχος=vlachos}',
 '{Αθήνα,Θεσσαλονίκη,Πάτρα}', '{Ερμού,Αθηνάς,Σταδίου}'),
('UA', 2, '+380 44 555 ## ##', '#####',
 '{Олена=olena,Андрій=andrii,Оксана=oksana,Тарас=taras,Наталія=nataliia,Богдан=bohdan}',
 '{Шевченко=shevchenko,Коваленко=kovalenko,Бондаренко=bondarenko,Ткаченко=tkachenko,Мельник=melnyk}',
 '{Київ,Львів,Одеса}', '{вулиця Садова,вулиця Шевченка,проспект Миру}'),
('JP', 2, '+81 3-5555-####', '###-####',
 '{陽菜=hina,蓮=ren,結衣=yui,大翔=hiroto,美咲=misaki,翔太=shota}',
 '{佐藤=sato,鈴木=suzuki,高橋=takahashi,田中=tanaka,伊藤=ito,渡辺=watanabe}',
 '{東京,大阪,京都}', '{中央通り,桜通り,本町}');

-- One row for each hundredth of the customers.
CREATE TABLE gen.slot AS
  SELECT row_number() OVER (ORDER BY code, n) - 1 AS slot, c.* FROM gen.country c, generate_series(1, c.share) AS n;

-- A number from 0 to below n, drawn by (i, salt): the same in every run.
CREATE FUNCTION gen.draw(i bigint, salt int, n bigint) RETURNS bigint LANGUAGE sql IMMUTABLE
  AS 'SELECT (hashint8extended(i, salt) & 4611686018427387903) % n';
CREATE FUNCTION gen.pick(i bigint, salt int, choices text[]) RETURNS text LANGUAGE sql IMMUTABLE
  AS 'SELECT choices[1 + gen.draw(i, salt, cardinality(choices))]';
-- Each # replaced by a digit.
CREATE FUNCTION gen.digits(i bigint, salt int, format text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
  parts text[] := string_to_array(format, '#');
  digits text := lpad(gen.draw(i, salt, 1000000000000)::text, 12, '0');
  result text := parts[1];
BEGIN
  FOR n IN 2 .. cardinality(parts) LOOP
    result := result || substr(digits, n - 1, 1) || parts[n];
  END LOOP;
  RETURN result;
END $$;
-- A card number of a test range (400000…), its last digit by Luhn (ISO/IEC 7812-1).
CREATE FUNCTION gen.card(i bigint) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
  digits text := '400000' || lpad(gen.draw(i, 90, 1000000000)::text, 9, '0');
  total int := 0;
  d int;
BEGIN
  FOR n IN 1 .. 15 LOOP
    d := substr(digits, n, 1)::int;
    total := total + CASE WHEN n % 2 = 1 THEN d * 2 / 10 + d * 2 % 10 ELSE d END;
  END LOOP;
  RETURN digits || ((10 - total % 10) % 10);
END $$;
