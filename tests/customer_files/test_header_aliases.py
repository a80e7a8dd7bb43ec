"""What others call the columns is known by its meaning, and nothing is guessed from letters that are alike."""

from __future__ import annotations

import pytest

from emporion.customer_files.columns import CustomerColumns
from emporion.errors import Problem

FAMILIAR = {
    "externalId": "External ID, Customer Number, AccountNumber, Kundennummer, Kunden-Nr., N° client, "
    "Código do cliente, Número de cliente, Codice cliente",
    "name": "Company, Company Name, Account Name, Organization 1 - Name, Firma, Firmenname, Société, Raison sociale, "
    "Empresa, Razón social, Razão social, Azienda, Ragione sociale, Default Address Company",
    "taxRegId": "VAT Number, Tax ID, USt-IdNr., N° TVA, NIF/CIF, CNPJ, Partita IVA",
    "language": "Lang, Preferred language, Sprache, Langue, Idioma, Lingua",
    "streetaddress": "Street, Address1, address_1, Address Line 1, BillingStreet, POAddressLine1, Straße, "
    "Straße und Hausnummer, Rue, Calle, Rua, Via, Default Address Address1, Address 1 - Street",
    "address.addressExtension": "Address2, Address Line 2, Street2, Adresszusatz, Complément d'adresse, Complemento",
    "postalcode": "Zip, ZIP Code, Postal Code, post_code, BillingPostalCode, PLZ, Postleitzahl, Code postal, "
    "Código postal, CEP, CAP",
    "city": "Town, Billing City, mailing_city, Ort, Stadt, Ville, Ciudad, Cidade, Città, Address 1 - City",
    "regioncode": "State, State/Province, Province Code, billing_state, Bundesland, Provincia, UF, Regione",
    "countrycode": "Country, Country/Region, country_id, BillingCountry, Land, Pays, País, Paese, Nazione",
    "givenname": "First Name, first_name, firstName, FIRSTNAME, Given Name, Contact: First Name, billing_first_name, "
    "Vorname, Prénom, Primeiro nome, Nombre de pila",
    "familyname": "Last Name, last_name, LastName, Surname, Family Name, Nachname, Nom de famille, Apellidos, "
    "Sobrenome, Cognome",
    "contactemail": "Email, E-Mail, E-mail Address, Primary Email, user_email, E-mail 1 - Value, Person - Email, "
    "Courriel, Correo electrónico, Endereço de e-mail, Indirizzo e-mail",
    "telvoice": "Phone, Phone Number, Telephone, Mobile Phone, Business Phone, Phone 1 - Value, Telefon, "
    "Telefonnummer, Téléphone, Teléfono, Telefone, Telemóvel, Cellulare",
    "login": "Username, User name, Benutzername, Nom d'utilisateur, Usuario, Nome utente",
    "contactPersons[0].password": "Password, Passwort, Mot de passe, Contraseña, Senha",
}
AMBIGUOUS = {
    "Nom": "name or familyname",
    "Nombre": "name or givenname",
    "Nome": "name or givenname",
    "Estado": "status or regioncode",
    "État": "status or regioncode",
    "Stato": "status or countrycode",
    "Customer": "externalId or name",
    "Kunde": "externalId or name",
}
UNKNOWN = (
    "Title, Salutation, Anrede, Middle Name, Fax, Website, Notes, Note, Birthday, Tags, Account Owner, Parent Account, "
    "Company Size, Email Opt Out, Accepts Email Marketing, E-mail 1 - Label, Address 1 - Type, Phone 2, "
    "Secondary Email, Address3, Last Login, Last Activity, Total Spent, Tax Exempt, Ship Via, City of Birth, Stats, "
    "Local, Tier, Namen, Billing Name, "
    "Contact Status, Customer Status, Department, Departamento, Apelido, contactPersons[20].email, 姓名"
)
CASES = [(header.strip(), column) for column, headers in FAMILIAR.items() for header in headers.split(",")]


def told(*headers: str) -> dict[str, str]:
    """What is said of each column."""
    with pytest.raises(Problem) as raised:
        CustomerColumns(headers)
    return {fault.field: fault.message for fault in raised.value.faults}


@pytest.mark.parametrize(("header", "column"), CASES)
def test_a_familiar_header_is_known_by_its_meaning(header: str, column: str) -> None:
    only = " (a code such as DE)" if column == "countrycode" else ""
    assert told(header) == {header: f"is no column that is known, did you mean {column}{only}?"}


@pytest.mark.parametrize(("header", "columns"), AMBIGUOUS.items())
def test_a_header_with_two_meanings_says_so(header: str, columns: str) -> None:
    assert told(header) == {header: f"is no column that is known, it could be {columns}: call it what it is"}


@pytest.mark.parametrize("header", UNKNOWN.split(", "))
def test_of_any_other_header_nothing_is_guessed(header: str) -> None:
    assert told(header) == {header: "is no column that is known"}
    with pytest.raises(Problem, match=r"call a column for something else attribute:NAME, or leave it out$"):
        CustomerColumns([header])


@pytest.mark.parametrize(
    ("header", "hint"),
    [
        ("*ContactName", "it has first and last name in one: split it into givenname and familyname"),
        ("Full Name", "it has first and last name in one: split it into givenname and familyname"),
        ("Ansprechpartner", "it has first and last name in one: split it into givenname and familyname"),
        ("PLZ/Ort", "it has postal code and city in one: split it into postalcode and city"),
        ("Hausnummer", "it belongs to the street: put both into streetaddress"),
        ("Billing Address", "did you mean streetaddress (street and number only)?"),
        ("Adresse", "did you mean streetaddress (street and number only)?"),
    ],
)
def test_a_column_that_has_more_or_less_than_one_member_says_what_to_do(header: str, hint: str) -> None:
    assert told(header) == {header: f"is no column that is known, {hint}"}


def test_two_columns_for_one_member_are_not_both_meant() -> None:
    assert told("Phone", "Mobile") == {
        "Phone": "is no column that is known, it could be telvoice, and so could Mobile: choose one",
        "Mobile": "is no column that is known, it could be telvoice, and so could Phone: choose one",
    }
    assert told("telvoice", "Mobile") == {"Mobile": "is no column that is known, and telvoice is there already"}


@pytest.mark.parametrize(
    ("header", "column"),
    [
        ("nmae", "name"),
        ("adress.city", "address.city"),
        ("postacode", "postalcode"),
        ("contactPerson[0].email", "contactPersons[0].email"),
        ("contactPersons[1].emial", "contactPersons[1].email"),
        ("contactPersons[1].phone", "contactPersons[1].phoneNumber"),
    ],
)
def test_a_column_with_one_typing_error_is_known(header: str, column: str) -> None:
    assert told(header) == {header: f"is no column that is known, did you mean {column}?"}


def test_of_many_unknown_columns_the_first_are_told_and_the_others_counted() -> None:
    with pytest.raises(Problem, match="; and 30 more; call a column"):
        CustomerColumns([f"column {number}" for number in range(50)])
