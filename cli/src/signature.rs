//! `petitfour keys`, `sign` and `verify`: who made a bundle.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use petitfour_seal::{Author, Public, sign, verify};

use crate::folder;

/// What to call the new pair of keys.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  petitfour keys site     writes site.key (keep it secret) and site.pub (pin it)\n\n\
                        To change keys: pin both public keys, sign with the new one, and unpin the old one when every runtime has the new bundle."
)]
pub(crate) struct KeysArguments {
    /// The files' name, without ending
    name: PathBuf,
}

/// What to sign, with what.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  petitfour sign bundle.pf4 --key site.key")]
pub(crate) struct SignArguments {
    /// The bundle; a signature that it has already is replaced
    bundle: PathBuf,
    /// The private key, as `petitfour keys` wrote it
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// Where to write the signed bundle; left out: in its place
    #[arg(short, long)]
    output: Option<PathBuf>,
}

/// What to believe, of whom.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  petitfour verify bundle.pf4 --public site.pub --minimum 12")]
pub(crate) struct VerifyArguments {
    /// The bundle
    bundle: PathBuf,
    /// A public key that is trusted, as `petitfour keys` wrote it (repeatable)
    #[arg(long, value_name = "FILE", required = true)]
    public: Vec<PathBuf>,
    /// The lowest version that is taken
    #[arg(long, default_value_t = 0)]
    minimum: u64,
}

/// Writes a new pair of keys; nothing that is there is replaced.
pub(crate) fn keys(arguments: &KeysArguments) -> anyhow::Result<bool> {
    let author = Author::random();
    // A name may have dots of its own, as `www.staging` does.
    let file = |ending: &str| {
        let mut name = arguments.name.clone().into_os_string();
        name.push(ending);
        PathBuf::from(name)
    };
    let (secret, public) = (file(".key"), file(".pub"));
    create(&secret, &author.pem()?, true)?;
    create(&public, &format!("{}\n", author.public().text()), false)?;
    println!(
        "{}: the private key. Whoever has it can sign for you: keep it where bundles are built.",
        secret.display()
    );
    println!("{}: the public key, {}. Pin it where bundles are used.", public.display(), author.public().text());
    Ok(true)
}

/// Signs.
pub(crate) fn run(arguments: &SignArguments) -> anyhow::Result<bool> {
    let author =
        Author::parse(&text(&arguments.key)?).map_err(|error| anyhow!("{}: {error}", arguments.key.display()))?;
    let signed = sign(&bytes(&arguments.bundle)?, &author)
        .map_err(|error| anyhow!("{}: {error} ({})", arguments.bundle.display(), error.code()))?;
    let output = arguments.output.as_ref().unwrap_or(&arguments.bundle);
    folder::replace(output, &signed)?;
    println!("{}: {} bytes, signed with {}", output.display(), signed.len(), named(author.public()));
    Ok(true)
}

/// Believes, or says why not.
pub(crate) fn check(arguments: &VerifyArguments) -> anyhow::Result<bool> {
    let mut trusted = Vec::new();
    for path in &arguments.public {
        trusted.push(Public::parse(&text(path)?).map_err(|error| anyhow!("{}: {error}", path.display()))?);
    }
    let file = bytes(&arguments.bundle)?;
    let name = arguments.bundle.display();
    let verified =
        verify(&file, &trusted, arguments.minimum).map_err(|error| anyhow!("{name}: {error} ({})", error.code()))?;
    petitfour::bundle::open(file).map_err(|error| anyhow!("{name}: {error} ({})", error.code()))?;
    println!("{name}: version {}, signed with {}", verified.version, named(verified.key));
    Ok(true)
}

/// A key by its id, as inspect and errors have it.
fn named(key: Public) -> String {
    format!("{:016x}", u64::from_le_bytes(key.id()))
}

fn bytes(path: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

fn text(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

/// Writes a file that is not there yet; a secret one for its owner alone.
fn create(path: &Path, text: &str, secret: bool) -> anyhow::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    if secret {
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    }
    match options.open(path) {
        Ok(mut file) => file.write_all(text.as_bytes()).with_context(|| format!("cannot write {}", path.display())),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            bail!("{} is there already; keys are not replaced: choose another name or move it away", path.display())
        }
        Err(error) => Err(error).with_context(|| format!("cannot write {}", path.display())),
    }
}
