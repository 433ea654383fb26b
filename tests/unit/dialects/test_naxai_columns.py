"""The column of phone numbers, by name and by content."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsfs.dialects.naxai.columns import by_name, candidates, find

NAMES = str.split(
    "phone Phone_Number PhoneNumber mobile MOBILE_PHONE cellphone cell_number msisdn tel telephone "
    "téléphone numéro_de_téléphone numéroTéléphone portable numéro_gsm tél gsm GSM_nummer telefoon "
    "telefoonnummer mobiel mobiel_nummer telefon telefonnummer handy Handynummer rufnummer mobilnummer "
    "teléfono móvil celular número_móvil telefono cellulare numero_cellulare telefone telemóvel tlf "
    "mobilnr telefonnr phone1 customer_phone"
)


@pytest.mark.parametrize("name", NAMES)
def test_names_in_the_languages_of_customers(name):
    """A file whose column has its usual name in some language would be ignored."""
    assert find(["id", "name", name, "date"]) == 2
    assert by_name(name)[1]


@pytest.mark.parametrize(
    "name", ["fax", "hotel", "cancelled", "name", "order_number", "phone_type", "", "42"]
)
def test_other_names(name):
    """Messages would be sent to the digits of an order, or to a fax."""
    assert by_name(name) == (0, ())
    assert find(["id", name]) is None


def test_the_likeliest_of_several():
    """Messages would go to a landline although a mobile number is there."""
    assert find(["phone", "mobile"]) == 1
    assert find(["phone2", "phone"]) == 1
    assert find(["numero", "telefono"]) == 1


def test_a_wanted_name_in_whatever_case():
    """A file would be ignored because its system now writes its columns in capitals."""
    assert find(["id", "Contact"], "contact") == 1
    assert find(["CONTACT", "contact"], "contact") == 1
    assert find(["id", "phone"], "contact") is None


def test_content_decides_where_names_do_not():
    """A sample without telling names would leave its owner to guess."""
    rows = [[str(100 + n), f"Name {n}", f"04761234{n:02}"] for n in range(20)]
    (best,) = candidates(["a", "b", "c"], rows, "BE")
    assert (best.name, best.place) == ("c", 2)
    assert best.reasons == ("20 of 20 cells can be phone numbers",)


def test_a_name_is_weighed_against_the_content():
    """A column of yes and no that is called mobile would be taken for the numbers."""
    rows = [["yes", "32476123456"], ["no", "32476123457"], ["", "32476123458"]]
    found = candidates(["mobile", "contact_tel"], rows)
    assert [candidate.name for candidate in found] == ["contact_tel", "mobile"]
    assert "0 of 2 cells can be phone numbers" in found[1].reasons
    assert candidates([]) == []
    assert candidates(["phone"], [[]])[0].place == 0


@given(st.lists(st.text(max_size=300), max_size=6), st.sampled_from(["", "BE"]))
def test_any_names_are_weighed(header, country):
    """A strange first row would stop the reader."""
    for candidate in candidates(header, [header], country):
        assert header[candidate.place] == candidate.name
        assert candidate.reasons
