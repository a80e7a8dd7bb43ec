"""What the columns of a customer file mean, by the contract's names and those of other platforms."""

from __future__ import annotations

import pytest

from emporion.customer_files.columns import CustomerColumns
from tests.customer_files.files import fault, refusal, rows_of

CONTRACT = "externalId,name,address.city,contactPersons[0].email,attribute:Tier"


def test_the_contracts_names_are_columns() -> None:
    (row,) = rows_of(f"{CONTRACT}\n007,Acme,Berlin,a@example.com,gold\n")
    assert row.new() == {
        "externalId": "007",
        "name": "Acme",
        "address": {"city": "Berlin"},
        "contactPersons": [{"type": "admin", "email": "a@example.com"}],
        "attributes": {"Tier": "gold"},
    }


def test_the_names_of_other_platforms_are_columns() -> None:
    header = (
        "login,externalid,contactemail,sendinvitation,givenname,familyname,telvoice,countrycode,postalcode,regioncode,"
        "city,streetaddress,accounttype,taxregistrationid,locale,companyname,attribute:Tier"
    )
    (row,) = rows_of(
        f"{header}\n"
        "anna1,1,a@example.com,true,Anna,Weiß,+49891,us,92612,CA,Irvine,Main 1,business,DE1,de_DE,Acme,gold\n"
    )
    assert row.faults == []
    assert row.new() == {
        "externalId": "1",
        "name": "Acme",
        "taxRegId": "DE1",
        "language": "de_DE",
        "address": {
            "countryCode": "US", "postalCode": "92612", "state": "CA", "city": "Irvine", "streetAddress": "Main 1",
        },
        "contactPersons": [
            {"type": "admin", "login": "anna1", "email": "a@example.com", "firstName": "Anna", "lastName": "Weiß",
             "phoneNumber": "+49891"}
        ],
        "attributes": {"Tier": "gold"},
    }  # fmt: skip


def test_a_person_without_a_company_is_called_by_their_name() -> None:
    with_company, without = rows_of("companyname,givenname,familyname\nAcme,Anna,Weiß\n,Anna,Weiß\n")
    assert with_company.new()["name"] == "Acme"
    assert without.new()["name"] == "Anna Weiß"
    (contract,) = rows_of("name,contactPersons[0].firstName\n,Anna\n")
    assert "name" not in contract.new()


@pytest.mark.parametrize("header", ["EXTERNALID", " externalId ", '"externalId"', "\ufeffexternalId"])
def test_headers_are_known_in_any_case_and_with_blanks(header: str) -> None:
    (row,) = rows_of(f"{header},name\n007,Acme\n")
    assert row.key == "007"


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("externalId,nmae", "nmae is no column that is known, did you mean name?"),
        ("name,adress.city", "adress.city is no column that is known, did you mean address.city?"),
        ("name,xyzxyz", "xyzxyz is no column that is known"),
        ("name,name", "name is given twice"),
        ("name,Name", "Name is given twice"),
        ("city,address.city", "address.city is given twice, also as city"),
        ("name,,city", "column 2 has no header"),
        ("contactPersons[20].email,name", "contactPersons[20].email is no column that is known"),
    ],
)
def test_a_header_that_cannot_be_used_is_told(header: str, message: str) -> None:
    assert message in refusal(f"{header}\n1,2,3\n")


@pytest.mark.parametrize(
    "header",
    [
        "attribute:",
        "Attributes. ",
        '"attribute:="""""',
        '"ATTRIBUTES.= """" "',
        '"attribute:=""  """',
        '"=""attribute:"""',
        "attribute:\u00a0",
    ],
)
def test_an_attribute_without_a_name_is_told(header: str) -> None:
    told = refusal(f"name,{header}\nAcme,gold\n")
    assert "is no column that is known, it is an attribute without a name: call it attribute:NAME" in told


def test_attributes_keep_the_case_of_their_names() -> None:
    (row,) = rows_of("name,attribute:Tier,attributes.tier,ATTRIBUTE:a.b\nAcme,1,2,3\n")
    assert row.new()["attributes"] == {"Tier": "1", "tier": "2", "a.b": "3"}


def test_blanks_around_the_name_of_an_attribute_are_meant_within_a_text_only() -> None:
    (row,) = rows_of('name,attribute: Tier ,"attribute:="" Tier """\nAcme,1,2\n')
    assert row.new()["attributes"] == {"Tier": "1", " Tier ": "2"}


def test_contact_persons_are_those_that_have_something() -> None:
    header = "name,contactPersons[0].email,contactPersons[1].type,contactPersons[1].email,contactPersons[2].email"
    first, second = rows_of(f"{header}\nAcme,a@x.test,,,c@x.test\nAcme,,billing,b@x.test,\n")
    assert first.new()["contactPersons"] == [{"type": "admin", "email": "a@x.test"}, {"email": "c@x.test"}]
    assert second.new()["contactPersons"] == [{"type": "billing", "email": "b@x.test"}]
    assert first.column_of("contactPersons[1].email") == "contactPersons[2].email"


def test_faults_are_named_as_the_file_names_the_column() -> None:
    (row,) = rows_of("Contactemail,companyname\nx,y\n")
    assert row.column_of("contactPersons[0].email") == "Contactemail"
    assert row.column_of("address.city") == "address.city"


def test_an_account_type_is_that_of_a_customer() -> None:
    assert fault("accounttype,name\nreseller,Acme\n")[1].startswith("must be of a customer: a reseller is added with")
    assert fault("accounttype,name\nfriend,Acme\n")[1].startswith("must be empty or one of customer")
    assert [row.faults for row in rows_of("accounttype,name\nBusiness,Acme\n,Acme\n")] == [[], []]


def test_the_sender_is_told_what_is_not_done() -> None:
    assert CustomerColumns(["name"]).notes == []
    assert "nothing is sent" in CustomerColumns(["sendinvitation"]).notes[0]
    assert "not taken over" in CustomerColumns(["id"]).notes[0]


def test_a_column_of_errors_is_ignored() -> None:
    (row,) = rows_of("name,error\nAcme,city is required\n")
    assert row.new()["name"] == "Acme"
