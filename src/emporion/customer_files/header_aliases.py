"""What CRMs, shops, PSA tools and address books call the members of a customer, in six languages.

Names are compared by their letters and digits alone, so that `first_name`, `FirstName` and `First Name` are one. A name
means what stands here or nothing: names that look alike mean different things (`State` is no `status`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache

from emporion.accounts.folding import fold

_PERSON = "contactPersons[0]."
# A name that stands in two places can be either.
_NAMES = {
    "externalId": """
        customer id, customer no, customer number, customer nr, customer code, customer key, customer ref,
        customer reference, cust id, cust no, client id, client no, client number, client code, account id, account no,
        account number, account code, acct no, company recid, organization id, debtor no, debtor number,
        external ref, external reference, external key, external identifier, erp id, erp number, crm id, record id,
        customer, client, account, debtor,
        kundennummer, kunden nr, kd nr, kunden id, kundencode, kundenreferenz, debitorennummer, debitoren nr,
        debitornummer, debitor nr, debitorenkonto, externe id, externe nummer, externe referenz, kunde, debitor,
        numéro client, numéro de client, num client, n° client, n° de client, no client, code client, id client,
        identifiant client, référence client, réf client, compte client, identifiant externe, id externe,
        référence externe, identifiant,
        número de cliente, núm cliente, nº cliente, nº de cliente, n° de cliente, no cliente, nro cliente,
        nro de cliente,
        código cliente, código de cliente, cód cliente, id cliente, id de cliente, id del cliente,
        identificador de cliente, referencia cliente, referencia de cliente, id externo, identificador externo,
        referencia externa, cliente,
        número do cliente, nº do cliente, n° do cliente, código do cliente, id do cliente, referência do cliente,
        numero cliente, n cliente, codice cliente, cod cliente, riferimento cliente, id esterno, codice esterno""",
    "name": """
        company, company name, company legal name, organization, organisation, organization name, organisation name,
        organization 1 name, business name, account name, customer name, client name, debtor name, legal name,
        trading name, firm, firm name, display name, customer, client, account, debtor,
        firma, firma 1, firmenname, firmenbezeichnung, name der firma, unternehmen, unternehmensname, gesellschaft,
        kundenname, name des kunden, name (Adressattyp Unternehmen), anzeigename, kunde, debitor,
        société, nom de la société, nom société, raison sociale, entreprise, nom de l'entreprise, nom entreprise,
        compagnie, dénomination, dénomination sociale, nom de l'organisation, nom du client, nom client,
        nom d'affichage, nom affiché, nom,
        empresa, nombre de la empresa, nombre de empresa, nombre empresa, razón social, compañía, sociedad,
        organización, nombre de la organización, denominación social, nombre comercial, nombre fiscal,
        nombre del cliente, nombre de cliente, nombre cliente, nombre para mostrar, nombre, cliente,
        nome da empresa, nome empresa, razão social, nome fantasia, nome comercial, companhia, organização,
        nome da organização, denominação social, nome do cliente, nome de exibição, nome,
        azienda, nome azienda, nome dell'azienda, ragione sociale, società, nome società, impresa, ditta, denominazione,
        organizzazione, nome cliente, nome del cliente, nome visualizzato""",
    "taxRegId": """
        vat, vat id, vat no, vat nr, vat number, vat reg, vat reg no, vat registration, vat registration number, vatin,
        tax id, tax no, tax number, tax vat, tax registration, tax registration no, tax registration number,
        tax identification number, tin, ein, gstin, gst no, gst number,
        ust id, ust idnr, ust id nr, eu ustid, umsatzsteuer id, umsatzsteuer idnr, umsatzsteuer identifikationsnummer,
        umsatzsteuernummer, steuernummer, steuer nr, uid nummer, mwst nr, mwst nummer,
        numéro tva, numéro de tva, n° tva, n° de tva, no tva, num tva, tva intracommunautaire, identifiant tva,
        numéro tva intracommunautaire, numéro de tva intracommunautaire, n° tva intracommunautaire,
        nif, cif, nif cif, cif nif, nif iva, número de iva, identificación fiscal, número de identificación fiscal, rfc,
        cuit, cnpj, cpf, cnpj cpf, cpf cnpj, nipc, contribuinte, nº de contribuinte, número de contribuinte,
        número fiscal, partita iva, p iva, numero partita iva, codice fiscale""",
    "status": "estado, état, stato",
    "language": """
        language, lang, language code, preferred language, sprache, sprachcode, korrespondenzsprache,
        bevorzugte sprache, langue, langue préférée, code langue, idioma, idioma preferido, código de idioma,
        idioma do cliente, língua, lingua, lingua preferita, codice lingua""",
    "address.streetAddress": """
        street, street 1, street line 1, street address 1, street address line 1, street and number,
        street and house number, address, address 1, address line 1, addr 1, adr 1, street 1 address,
        straße, straße 1, straße nr, straße und nr, straße hausnr, straße hausnummer, straße und hausnummer, adresse,
        adresse 1, adresszeile 1, anschrift, anschriftzeile 1, rue, n° et rue, numéro et rue, rue et numéro, voie,
        adresse ligne 1, ligne adresse 1, ligne d'adresse 1, calle, calle y número, domicilio, dirección, dirección 1,
        dirección línea 1, línea de dirección 1, rua, rua e número, logradouro, endereço, endereço 1, endereço linha 1,
        linha de endereço 1, morada, morada 1, morada linha 1, via, via e numero, via e numero civico, indirizzo,
        indirizzo 1, indirizzo riga 1, riga indirizzo 1""",
    "address.addressExtension": """
        address 2, address line 2, addr 2, adr 2, street 2, street line 2, street address 2, street address line 2,
        extended address, apartment, apt, suite, unit, apartment suite, apartment suite etc, adresszusatz,
        adresszusatz 1, anschriftenzusatz, adresse 2, adresszeile 2, straße 2, complément, complément d'adresse,
        complément adresse, adresse ligne 2, ligne adresse 2, ligne d'adresse 2, dirección 2, dirección línea 2,
        línea de dirección 2, complemento, complemento de dirección, endereço 2, endereço linha 2, linha de endereço 2,
        morada 2, morada linha 2, indirizzo 2, indirizzo riga 2, riga indirizzo 2""",
    "address.postalCode": """
        zip, zip code, zip postal code, postal code, postal, post code, zip postcode, pin code, eircode, plz,
        postleitzahl, code postal, cp, código postal, cód postal, cep, cap, codice postale,
        codice di avviamento postale""",
    "address.city": """
        town, town city, city town, city name, locality, suburb, ort, stadt, wohnort, ortschaft, gemeinde, ville,
        localité, commune, ciudad, población, localidad, municipio, cidade, localidade, município, città, comune,
        località""",
    "address.state": """
        state, state code, state id, state province, state region, state county, province, province code,
        province state, region, region id, region state, county, bundesland, bundesstaat, kanton, provinz, staat, état,
        provincia, comunidad autónoma, estado provincia, provincia estado, estado, uf,
        estado uf, província, regione, prov""",
    "address.countryCode": """
        country, country code, country id, country iso, country iso code, iso country, iso country code, country region,
        nation, land, eu land, land iso, landescode, ländercode, landeskennzeichen, länderkennzeichen, länderkürzel,
        landeskürzel, staat, pays, pays région, code pays, país, código de país, código país, cód país, país región,
        código do país, paese, nazione, codice paese, codice nazione, paese regione, stato""",
    f"{_PERSON}firstName": """
        first name, first, name first, given, forename, christian name, f name, vorname, vornamen, rufname,
        vorname (Adressattyp natürl. Person), prénom, prénoms, nombre, nombres, nombre de pila, primer nombre, nome,
        nome próprio, primeiro nome, prenome, nome di battesimo""",
    f"{_PERSON}lastName": """
        last name, last, name last, surname, sur name, l name, nachname, familienname, zuname,
        name (Adressattyp natürl. Person), nom, nom de famille, apellido, apellidos, primer apellido,
        sobrenome, último nome, nome de família, cognome""",
    f"{_PERSON}email": """
        email, mail, email address, mail address, email id, email 1, email 1 value, email 1 address, adresse mail,
        email adresse, mailadresse, adresse email, courriel, adresse courriel, adresse électronique, correo,
        correo electrónico, dirección de correo, dirección de correo electrónico, dirección email, email do cliente,
        correio eletrónico, correio eletrônico, correio electrónico, endereço de email, endereço email,
        endereço eletrônico, posta elettronica, indirizzo email, indirizzo mail, indirizzo di posta elettronica""",
    f"{_PERSON}phoneNumber": """
        phone, phone 1, phone 1 value, phone no, phone nr, phone nbr, phone number, telephone, telephone no,
        telephone number, tel, tel 1, tel no, tel number, mobile, mobile no, mobile number, mobile phone,
        mobile phone number, cell, cell number, cell phone, landline, telefon, telefon 1, telefon nr, telefonnummer,
        tel nr, rufnummer, handy, handynummer, mobil, mobilnummer, mobiltelefon, mobilfunk, mobilfunknummer, festnetz,
        téléphone, n° de téléphone, n° téléphone, numéro de téléphone, téléphone fixe, tél fixe, téléphone portable,
        téléphone mobile, tél portable, portable, numéro de portable, gsm, teléfono, teléfono 1, nº de teléfono,
        número de teléfono, teléfono fijo, teléfono móvil, móvil, celular, teléfono celular, tfno, telf, telefone,
        telefone 1, nº de telefone, número de telefone, telefone fixo, telemóvel, telefone celular, fone,
        numero di telefono, telefono fisso, cellulare, telefono cellulare, numero di cellulare, recapito telefonico""",
    f"{_PERSON}login": """
        username, user login, login name, benutzername, benutzer, anmeldename, nutzername, nom d'utilisateur,
        identifiant, nombre de usuario, usuario, nome de usuário, usuário, nome de utilizador, utilizador, nome utente,
        utente""",
    f"{_PERSON}password": """
        password, passwd, pwd, passwort, kennwort, mot de passe, mdp, contraseña, senha, palavra passe""",
}
# What has two members in it, or half of one.
_ADVICE = {
    "has first and last name in one: split it into {givenname} and {familyname}": """
        full name, contact, contact name, contact person, person name, name first last, vollständiger name,
        vor und nachname, vorname nachname, vorname und nachname, nachname vorname, ansprechpartner, ansprechpartnerin,
        ansprechperson, kontakt, kontaktperson, kontaktname, nom complet, nom et prénom, prénom et nom, nom prénom,
        prénom nom, personne de contact, nom du contact, contact principal, interlocuteur, nombre completo,
        nombre y apellido, nombre y apellidos, nombre apellidos, apellidos y nombre, contacto, contacto principal,
        persona de contacto, nombre de contacto, nombre del contacto, nome completo, nome e sobrenome, nome e apelido,
        contato, pessoa de contato, pessoa de contacto, nome do contato, nome do contacto, contatto, referente,
        persona di contatto, nome contatto, nome e cognome, nome cognome, cognome nome, cognome e nome""",
    "has postal code and city in one: split it into {postalcode} and {city}": """
        plz ort, plz und ort, plz stadt, zip city, city zip, postcode city, cp ville, code postal ville,
        code postal et ville, cp ciudad, cp población, código postal y ciudad, cep cidade, código postal e localidade,
        cap città, cap e città, cap comune""",
    "has the address in one: split it into {streetaddress}, {postalcode}, {city} and {countrycode}": """
        full address, complete address, address formatted, address 1 formatted, vollständige adresse,
        adresse complète, dirección completa, endereço completo, morada completa, indirizzo completo""",
    "belongs to the street: put both into {streetaddress}": """
        house number, house no, house nr, street number, street no, street nr, hausnummer, haus nr, numéro de rue,
        numéro de voie, número de calle, número da rua, número da porta, numero civico, civico""",
}
# What may stand before or after a name, and says no more than whose or which it is.
_QUALIFIERS = """
    billing, billing address, invoice, invoice address, shipping, shipping address, delivery, delivery address, mailing,
    mailing address, postal address, default, default address, primary, primary address, primary contact, main,
    main contact, business, business address, work, office, home, home address, address, address 1, po, po address, sa,
    sa address, customer, customer address, client, contact, contact 1, contact person, contact persons, person, user,
    admin,
    rechnung, rechnungs,
    rechnungsadresse, liefer, lieferadresse, lieferanschrift, geschäftlich, privat, kunde, kunden, kontakt,
    ansprechpartner, facturation, de facturation, adresse de facturation, livraison, de livraison,
    adresse de livraison, du contact, du client, facturación, de facturación, envío, de envío, del contacto,
    del cliente, de contacto, cobrança, de cobrança, faturação, de faturação, faturamento, de faturamento, entrega,
    de entrega, do contato, do contacto, do cliente, fatturazione, di fatturazione, spedizione, di spedizione, contatto,
    del contatto"""
# Likewise, but a company's telephone is not that of a person.
_OF_COMPANIES = """
    company, company address, organization, organization address, organisation, account, account address, site, firmen,
    firma, unternehmen, société, empresa, da empresa, de la empresa, azienda"""
# A `Contact Name` is no name of the customer's, and a `Contact Status` no status of it.
_OF_PERSONS = ("address.", _PERSON)
_UNQUALIFIED = ("externalId", "status", f"{_PERSON}login", f"{_PERSON}password")
# What would be a qualifier and a name.
_OTHERWISE = frozenset({"shipvia"})
# What often has more in it than the street.
_ADDRESSES = "address, adresse, anschrift, dirección, domicilio, indirizzo, endereço, morada"
_INDEXED = re.compile("contactpersons?([0-9]+)([a-z]+)")
# A letter more, less or another is a typing error in a long name only.
_LONG = 8


def normalized(name: str) -> str:
    """The letters and digits of a name, without case and accents."""
    return "".join(char for char in fold(name) if char.isalnum())


def likely_paths(name: str, known: Mapping[str, str]) -> tuple[str, ...]:
    """The paths of the members that a name could be for; empty if it cannot be said.

    known: the paths that there are, by their normalized names.
    """
    low = normalized(name[:255])
    if path := known.get(low):
        return (path,)
    if indexed := _INDEXED.fullmatch(low):
        persons = (path for path in _table().get(indexed[2], ()) if path.startswith(_PERSON))
        if paths := tuple(path.replace("[0]", f"[{indexed[1]}]") for path in persons):
            return paths
    if paths := _meant(low, known):
        return paths
    mistyped = {path for column, path in known.items() if _is_mistyped(low, column)}
    return tuple(mistyped) if len(mistyped) == 1 else ()


def advice(name: str) -> str | None:
    """What to do with a column that is not for one member; with {givenname} and the like for columns."""
    low = normalized(name[:255])
    for text in (low, *_unqualified(low, _qualifiers())):
        if told := _advice().get(text):
            return told
    return None


def expected_content(name: str, path: str) -> str | None:
    """What a column for this member has, where columns of this name often have something else."""
    if path == "address.countryCode":
        return "a code such as DE"
    low = normalized(name[:255])
    may_be_whole = not _addresses().isdisjoint((low, *_unqualified(low, _qualifiers())))
    return "street and number only" if path == "address.streetAddress" and may_be_whole else None


def _meant(low: str, known: Mapping[str, str]) -> tuple[str, ...]:
    table = _table()
    if paths := table.get(low):
        return paths
    if low in _OTHERWISE:
        return ()
    for qualifiers, unfit in ((_qualifiers(), _UNQUALIFIED), (_of_companies(), (*_UNQUALIFIED, "name", _PERSON))):
        for rest in _unqualified(low, qualifiers):
            found = table.get(rest) or ((known[rest],) if known.get(rest, "").startswith(_OF_PERSONS) else ())
            paths = tuple(path for path in found if not path.startswith(unfit))
            if paths:
                return paths
    return ()


def _unqualified(low: str, qualifiers: tuple[str, ...]) -> Iterator[str]:
    """What is left of a name without what stands before or after it."""
    for qualifier in qualifiers:
        if low.startswith(qualifier):
            yield low.removeprefix(qualifier)
        if low.endswith(qualifier):
            yield low.removesuffix(qualifier)


def _is_mistyped(low: str, name: str) -> bool:
    """Whether a name is another one with one typing error, and the digits are right."""
    if abs(len(low) - len(name)) > 1 or low[:1] != name[:1] or low[-1:] != name[-1:]:
        return False
    if [char for char in low if char.isdigit()] != [char for char in name if char.isdigit()]:
        return False
    differing = (at for at, (one, other) in enumerate(zip(low, name, strict=False)) if one != other)
    start = next(differing, min(len(low), len(name)))
    if len(low) == len(name):
        swapped = low[:start] + low[start : start + 2][::-1] + low[start + 2 :]
        return swapped == name or (len(name) >= _LONG and low[start + 1 :] == name[start + 1 :])
    longer, shorter = (low, name) if len(low) > len(name) else (name, low)
    is_twice = longer[start] in (longer[start - 1], longer[start + 1 : start + 2])
    return longer[:start] + longer[start + 1 :] == shorter and (is_twice or len(name) >= _LONG)


@lru_cache(maxsize=1)
def _table() -> dict[str, tuple[str, ...]]:
    table: dict[str, tuple[str, ...]] = {}
    for path, names in _NAMES.items():
        for name in dict.fromkeys(map(normalized, names.split(","))):
            table[name] = (*table.get(name, ()), path)
    return table


@lru_cache(maxsize=1)
def _advice() -> dict[str, str]:
    return {normalized(name): told for told, names in _ADVICE.items() for name in names.split(",")}


@lru_cache(maxsize=1)
def _addresses() -> frozenset[str]:
    return frozenset(map(normalized, _ADDRESSES.split(",")))


@lru_cache(maxsize=1)
def _qualifiers() -> tuple[str, ...]:
    return tuple(map(normalized, _QUALIFIERS.split(",")))


@lru_cache(maxsize=1)
def _of_companies() -> tuple[str, ...]:
    return tuple(map(normalized, _OF_COMPANIES.split(",")))
