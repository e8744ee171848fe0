//! What a column means: recognised by its name, or said by a mapping.
//!
//! A column whose name says nothing is left out, so that an unknown label, key or note never becomes evidence; the
//! resolution lists what was used as what. Absent on purpose: guessing from values.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

use crate::table::Table;

/// What a column means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Not evidence.
    Ignore,
    /// The record's own key; it names the record in what is written and is never compared.
    RecordId,
    /// Given name.
    GivenName,
    /// Middle names.
    MiddleName,
    /// Family name.
    Surname,
    /// All names in one.
    FullName,
    /// Date of birth.
    BirthDate,
    /// E-mail address.
    Email,
    /// Phone number.
    Phone,
    /// Postcode.
    Postcode,
    /// City, suburb or other place of living.
    City,
    /// Place of birth.
    BirthPlace,
    /// House number.
    HouseNumber,
    /// Street or other line of an address.
    Street,
    /// State, region or country.
    Region,
    /// Gender.
    Gender,
    /// Occupation.
    Occupation,
    /// Number of a passport, of social security, of a customer card.
    NationalId,
    /// Any other text, compared as a whole and by likeness; only by mapping.
    Text,
}

/// Names by which a column is recognised, in lower case without `_`, `-`, `.` and spaces.
const NAMES: &[(Kind, &[&str])] = &[
    (Kind::RecordId, &["id", "recid", "recordid", "uniqueid", "rowid", "uuid", "customerid", "contactid", "key"]),
    (
        Kind::GivenName,
        &["givenname", "firstname", "forename", "fname", "given", "first", "christianname", "prenom", "vorname"],
    ),
    (Kind::MiddleName, &["middlename", "middlenames", "middle", "secondname"]),
    (Kind::Surname, &["surname", "lastname", "familyname", "lname", "last", "nachname", "nom"]),
    (Kind::FullName, &["fullname", "name", "personname", "customername", "displayname"]),
    (Kind::BirthDate, &["dob", "dateofbirth", "birthdate", "birthday", "born", "datebirth", "geburtsdatum"]),
    (Kind::Email, &["email", "emailaddress", "mail", "emailid"]),
    (
        Kind::Phone,
        &[
            "phone",
            "phonenumber",
            "telephone",
            "tel",
            "mobile",
            "mobilephone",
            "mobilenumber",
            "cell",
            "cellphone",
            "homephone",
            "workphone",
        ],
    ),
    (Kind::Postcode, &["postcode", "zip", "zipcode", "postalcode", "postcodefake", "plz"]),
    (Kind::City, &["city", "suburb", "town", "locality", "municipality", "village"]),
    (Kind::BirthPlace, &["birthplace", "placeofbirth", "pob", "birthcity", "birthtown"]),
    (Kind::HouseNumber, &["streetnumber", "housenumber", "housenum", "streetnum", "houseno", "streetno"]),
    (
        Kind::Street,
        &[
            "street",
            "streetname",
            "address",
            "address1",
            "address2",
            "addressline1",
            "addressline2",
            "streetaddress",
            "homeaddress",
        ],
    ),
    (Kind::Region, &["state", "region", "county", "province", "country"]),
    (Kind::Gender, &["gender", "sex"]),
    (Kind::Occupation, &["occupation", "job", "jobtitle", "profession"]),
    (
        Kind::NationalId,
        &[
            "socsecid",
            "ssn",
            "socialsecuritynumber",
            "nationalid",
            "nationalidnumber",
            "nino",
            "nin",
            "passport",
            "passportnumber",
            "taxid",
            "loyaltyid",
            "cardnumber",
        ],
    ),
];

impl Kind {
    /// What a column of that name means; [`Kind::Ignore`] when its name says nothing.
    pub fn of(name: &str) -> Self {
        let plain: String = name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
        let found = NAMES.iter().find(|(_, names)| names.contains(&plain.as_str()));
        found.map_or(Self::Ignore, |(kind, _)| *kind)
    }

    /// Whether its columns are compared.
    pub fn is_evidence(self) -> bool {
        !matches!(self, Self::Ignore | Self::RecordId)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ignore => "ignore",
            Self::RecordId => "record_id",
            Self::GivenName => "given_name",
            Self::MiddleName => "middle_name",
            Self::Surname => "surname",
            Self::FullName => "full_name",
            Self::BirthDate => "birth_date",
            Self::Email => "email",
            Self::Phone => "phone",
            Self::Postcode => "postcode",
            Self::City => "city",
            Self::BirthPlace => "birth_place",
            Self::HouseNumber => "house_number",
            Self::Street => "street",
            Self::Region => "region",
            Self::Gender => "gender",
            Self::Occupation => "occupation",
            Self::NationalId => "national_id",
            Self::Text => "text",
        })
    }
}

/// What a file says of its columns: `{ "columns": { "nr": "record_id", "note": "ignore" } }`. Columns it does not name
/// are recognised by their names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mapping {
    /// Kind by name of the column.
    pub columns: BTreeMap<String, Kind>,
}

/// Why a mapping was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MappingError {
    /// Not JSON of the right shape.
    Syntax(String),
    /// It names a column that the table does not have.
    Unknown(String),
    /// No column says anything of a person.
    NoEvidence,
}

impl MappingError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Syntax(_) => "mapping/syntax",
            Self::Unknown(_) => "mapping/unknown",
            Self::NoEvidence => "mapping/no-evidence",
        }
    }
}

impl fmt::Display for MappingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax(reason) => write!(f, "mapping: {reason}"),
            Self::Unknown(column) => write!(f, "mapping: the table has no column `{column}`"),
            Self::NoEvidence => f.write_str(
                "no column is recognised as a name, a date of birth, an address or another fact of a person; say in a mapping which is which",
            ),
        }
    }
}

impl std::error::Error for MappingError {}

impl Mapping {
    /// Reads JSON.
    ///
    /// # Errors
    /// [`MappingError::Syntax`] with line and column.
    pub fn parse(text: &str) -> Result<Self, MappingError> {
        serde_json::from_str(text).map_err(|error| MappingError::Syntax(error.to_string()))
    }

    /// The kind of each column of a table.
    ///
    /// # Errors
    /// [`MappingError::Unknown`] and [`MappingError::NoEvidence`].
    pub fn kinds(&self, table: &Table) -> Result<Vec<Kind>, MappingError> {
        if let Some(name) = self.columns.keys().find(|name| table.column(name).is_none()) {
            return Err(MappingError::Unknown(name.clone()));
        }
        let kind = |name: &String| self.columns.get(name).copied().unwrap_or_else(|| Kind::of(name));
        let kinds: Vec<Kind> = table.columns().iter().map(kind).collect();
        if kinds.iter().any(|kind| kind.is_evidence()) { Ok(kinds) } else { Err(MappingError::NoEvidence) }
    }
}
