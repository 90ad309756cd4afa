//! Words of column names, in the languages that schemas are written in: English, German, French, Spanish, Italian, Portuguese, Dutch, Polish,
//! Swedish, Turkish. Without accents (ä as ae) and without what parts the words.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::kind::Kind;

/// How much a phrase says by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Weight {
    /// Values must say the same.
    Weak,
    /// Worth a look without values.
    Medium,
    /// Enough, unless values say otherwise.
    Strong,
}

/// A phrase and what it stands for.
pub(super) struct Entry {
    pub kind: Kind,
    pub weight: Weight,
}

/// The phrase with its words written together.
pub(super) fn phrase(joined: &str) -> Option<&'static Entry> {
    static ENTRIES: LazyLock<HashMap<&str, Entry>> = LazyLock::new(|| {
        let entries = PHRASES
            .iter()
            .flat_map(|(kind, weight, phrases)| phrases.split_whitespace().map(|phrase| (phrase, Entry { kind: *kind, weight: *weight })));
        entries.collect()
    });
    ENTRIES.get(joined)
}

/// Behind a phrase: the column is about it, and does not hold it.
pub(super) fn is_about(word: &str) -> bool {
    ABOUT.split_whitespace().any(|about| about == word)
}

/// Before a phrase: the column answers a question about it.
pub(super) fn is_asking(word: &str) -> bool {
    matches!(
        word,
        "is" | "has"
            | "can"
            | "num"
            | "count"
            | "total"
            | "avg"
            | "allow"
            | "allows"
            | "require"
            | "requires"
            | "hat"
            | "ist"
            | "tem"
            | "tiene"
            | "anzahl"
            | "nb"
    )
}

/// A word for somebody.
pub(super) fn is_person(word: &str) -> bool {
    let singular = word.strip_suffix('s').or_else(|| word.strip_suffix('n')).unwrap_or(word);
    PEOPLE.split_whitespace().any(|person| person == word || person == singular)
}

/// Words for a name.
pub(super) const NAMES: [&str; 10] = ["name", "names", "namen", "nom", "nombre", "nome", "naam", "namn", "nazwa", "fullname"];

const ABOUT: &str = "about age alert alerts allowed at attempts attribute band bounce bounced brand bytes campaign category change changed check class \
    col column confirmed consent count counter currency date day days delivery deliverable enabled error expires expiry extension field flag font \
    format frequency grade group id ids index interval label language len length level limit list locale log model month notification notifications num \
    on opened opt optin option options order path policy position preference preferences priority prefix provider queue range rank reason region reset role rule \
    schema score sent sequence server service size sort source state status step subject sum tax template time timestamp title total type unit \
    until updated url usage valid validated validation verified version visible width year zone anzahl typ art datum status laenge kategorie";

const PEOPLE: &str = "person people persona personne persoon user customer client cliente klant kunde kunden kund klient contact contacto contatto kontakt employee employe \
    empleado impiegato mitarbeiter angestellter medewerker pracownik worker staff patient paziente paciente member mitglied socio student etudiant schueler alumno \
    teacher author autor auteur owner besitzer inhaber holder cardholder accountholder recipient empfaenger sender absender buyer kaeufer seller passenger guest gast \
    father mother spouse partner child parent guardian husband wife subscriber lead prospect applicant candidate bewerber driver conductor doctor arzt medico \
    physician nurse manager boss supervisor agent adviser advisor beneficiary insured versicherter mieter vermieter donor visitor signer signatory \
    emergencycontact nextofkin musteri abonnent teilnehmer participant utilisateur usuario utente gebruiker";

const PHRASES: &[(Kind, Weight, &str)] = &[
    (
        Kind::Email,
        Weight::Strong,
        "email emails emailaddress emailaddresses emailadresse emailadres mailadresse mailaddress emailaddr courriel adressemail adresseemail correo correoelectronico \
         correoe emailid postaelettronica indirizzoemail indirizzomail enderecoemail epost epostadress eposta emailadress adresemail useremail emailto emailfrom",
    ),
    (Kind::Email, Weight::Weak, "mail recipient sender replyto cc bcc login contact"),
    (
        Kind::Name,
        Weight::Strong,
        "firstname lastname fullname givenname givennames familyname middlename maidenname surname forename fname lname birthname legalname \
         displayname realname personname vorname vornamen nachname familienname geburtsname rufname zuname prenom prenoms nomdefamille nomfamille \
         nomcomplet nomprenom apellido apellidos nombrecompleto primernombre cognome nomecompleto sobrenome primeironome voornaam achternaam \
         tussenvoegsel imie nazwisko imienazwisko fornamn efternamn soyad soyadi adsoyad mothersmaidenname cardholder cardholdername accountholder \
         ansprechpartner kontoinhaber titulaire contactperson nextofkin",
    ),
    (Kind::Name, Weight::Weak, "initials nickname spitzname surnom apodo"),
    (
        Kind::Phone,
        Weight::Strong,
        "phone phones phonenumber phoneno phonenr telephone telephonenumber telephoneno tel telno telnr mobile mobileno mobilenumber mobilephone cellphone \
         cell homephone workphone fax faxnumber faxno msisdn telefon telefonnummer telefonnr handy handynummer mobilnummer mobiltelefon faxnummer rufnummer \
         numerotelephone numerodetelephone numtel portable telefono numerodetelefono movil celular cellulare numerotelefono telefone telemovel telefoonnummer \
         telefoon gsm numertelefonu komorka mobilnr ceptelefonu whatsapp phonenum",
    ),
    (
        Kind::NationalId,
        Weight::Strong,
        "ssn socialsecurity socialsecuritynumber socialsecurityno nationalid nationalidnumber nationalinsurance nationalinsurancenumber nino passport passportno \
         passportnumber driverlicense driverslicense driverlicence driverslicence driverlicensenumber taxid taxidnumber taxnumber tin itin personalid idcard idnumber \
         identitynumber identitycard governmentid medicare nhsnumber nhsno steuerid steuernummer steueridentifikationsnummer sozialversicherungsnummer svnummer svnr \
         sozialversicherungsnr personalausweis personalausweisnummer ausweisnummer reisepass passnummer fuehrerschein fuehrerscheinnummer ahvnummer ahv nir numerosecu \
         numerosecuritesociale securitesociale numerodesecuritesociale numsecu dni nie nif curp rfc codicefiscale cpf rg bsn burgerservicenummer pesel nip personnummer \
         personnr tckimlik tckimlikno tckn kimlikno aadhaar aadhar pannumber sin insee niss rijksregisternummer licenseplate licenceplate kennzeichen vin \
         insurancenumber policyholderid krankenversichertennummer kvnr healthcardnumber",
    ),
    (Kind::NationalId, Weight::Medium, "ausweis identification identifiant cedula documento matricule"),
    (
        Kind::Card,
        Weight::Strong,
        "cardnumber cardno cardnr cardnum ccnumber ccnum ccno creditcard creditcardnumber creditcardno debitcard pan kartennummer kreditkarte kreditkartennummer \
         numerocarte cartebancaire numerodecarte numerotarjeta tarjeta numerodetarjeta cartadicredito cartaocredito creditcardnumbers paymentcard cvv cvc cvv2",
    ),
    (Kind::Card, Weight::Weak, "card carte karte tarjeta"),
    (
        Kind::BankAccount,
        Weight::Strong,
        "iban bankaccount bankaccountnumber bankaccountno accountnumber accountno acctno acctnumber sortcode routingnumber kontonummer kontonr bankkonto bankverbindung \
         numerocompte numerodecompte comptebancaire rib cuentabancaria numerocuenta numerodecuenta contocorrente contabancaria rekeningnummer rekening numerkonta \
         bankgiro clabe",
    ),
    (
        Kind::BirthDate,
        Weight::Strong,
        "dob birthdate birthday birthdt dateofbirth bday birthyear yearofbirth geburtsdatum geburtstag gebdatum gebdat geburtsjahr datenaissance datedenaissance \
         naissance fechanacimiento fechadenacimiento nacimiento datadinascita datanascita nascita datanascimento datadenascimento nascimento geboortedatum \
         dataurodzenia urodziny foedelsedatum foedelsedag dogumtarihi birth dateofdeath deathdate",
    ),
    (
        Kind::Address,
        Weight::Strong,
        "address addresses addressline addr streetaddress street streetname streetno streetnumber homeaddress postaladdress mailingaddress billingaddress shippingaddress \
         deliveryaddress housenumber houseno housenr houseno adresse anschrift strasse strassenname hausnummer hausnr lieferadresse rechnungsadresse rue adressepostale \
         direccion calle domicilio indirizzo via endereco rua morada logradouro adres straat straatnaam huisnummer ulica adress gata gatuadress adresi sokak \
         residence addressee",
    ),
    (
        Kind::Postcode,
        Weight::Strong,
        "postcode postalcode zip zipcode postleitzahl plz codepostal codigopostal cap cep kodpocztowy postnummer postanumarasi pincode",
    ),
    (
        Kind::Ip,
        Weight::Strong,
        "ip ipaddress ipaddr ipadresse adresseip direccionip clientip remoteip remoteaddr userip sourceip srcip lastip loginip ips ipv inet signinip currentsigninip lastsigninip",
    ),
    (
        Kind::Device,
        Weight::Strong,
        "mac macaddress macaddr imei imsi iccid deviceid deviceserial idfa gaid aaid advertisingid androidid devicefingerprint fingerprint cookieid visitorid pushtoken devicetoken",
    ),
    (Kind::Device, Weight::Weak, "useragent cookie sessionid browser"),
    (
        Kind::Location,
        Weight::Strong,
        "latitude longitude latlon latlng lonlat lnglat gps gpslocation gpscoordinates geolocation geocoordinates coordinates breitengrad laengengrad koordinaten latitud longitud",
    ),
    (Kind::Location, Weight::Medium, "lat lon lng geo geopoint geom"),
    (
        Kind::Pay,
        Weight::Strong,
        "salary salaries wage wages income annualincome basepay grosspay netpay payrate hourlyrate compensation bonus gehalt grundgehalt jahresgehalt monatsgehalt lohn \
         stundenlohn einkommen nettolohn bruttolohn salaire salairebrut salairenet remuneration revenu salario sueldo nomina stipendio ral reddito salarioliquido renda \
         salaris loon inkomen wynagrodzenie pensja loen maas",
    ),
    (
        Kind::Username,
        Weight::Strong,
        "username userlogin loginname screenname benutzername benutzerkennung nomutilisateur nomdutilisateur identifiantutilisateur nombreusuario nombredeusuario nomeutente \
         nomeusuario gebruikersnaam nazwauzytkownika anvaendarnamn kullaniciadi twitterhandle githubhandle skype skypeid facebookid linkedinurl linkedin telegramid",
    ),
    (Kind::Username, Weight::Weak, "handle nick user account actor"),
    (
        Kind::Secret,
        Weight::Strong,
        "password passwd pwd passwordhash passwordhashed passwordsalt passworddigest encryptedpassword hashedpassword passphrase pinhash secret secretkey clientsecret apikey \
         apisecret apitoken accesstoken refreshtoken authtoken bearertoken sessiontoken resettoken passwordresettoken rememberdigest remembertoken totpsecret otpsecret mfasecret \
         twofactorsecret privatekey recoverycode recoverycodes securityanswer kennwort passwort passworthash motdepasse contrasena clave parola senha wachtwoord haslo loesenord sifre \
         salt",
    ),
    (
        Kind::Special,
        Weight::Strong,
        "diagnosis diagnoses diagnosiscode icd icdcode icd10 bloodtype bloodgroup allergies allergy medication medications prescription disability religion religiousbelief \
         ethnicity ethnicorigin race sexualorientation politicalparty politicalopinion unionmembership medicalhistory medicalcondition healthstatus hivstatus genotype \
         diagnose blutgruppe behinderung allergien konfession religionszugehoerigkeit medikation krankheit gewerkschaft diagnostic groupesanguin \
         religionszugehoerigkeit handicap diagnostico gruposanguineo discapacidad diagnosi grupposanguigno bloedgroep rozpoznanie gradeofdisability biometric biometrics \
         facetemplate",
    ),
    (
        Kind::Special,
        Weight::Medium,
        "gender sex geschlecht sexe genero genere geslacht plec nationality citizenship maritalstatus familienstand symptoms treatment",
    ),
    (
        Kind::FreeText,
        Weight::Medium,
        "notes note comment comments remark remarks message messages freetext bio biography aboutme transcript chatlog complaint feedback bemerkung bemerkungen notiz notizen \
         kommentar kommentare nachricht anmerkung commentaire commentaires remarque notas comentario comentarios observaciones observacoes osservazioni commenti opmerking \
         opmerkingen uwagi anteckningar messagebody emailbody clinicalnotes coverletter",
    ),
    (
        Kind::FreeText,
        Weight::Weak,
        "description body text content beschreibung inhalt details detail subject payload data info summary reason value",
    ),
];
