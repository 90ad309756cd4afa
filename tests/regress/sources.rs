//! PostgreSQL's sources, with its test programs built.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use pgveil_tests::world::World;

/// The folder of the sources of the server that the tests run; fetched and built where that has not been done yet.
pub fn tree() -> &'static PathBuf {
    static TREE: OnceLock<PathBuf> = OnceLock::new();
    TREE.get_or_init(|| {
        let version = World::get().cluster().version();
        let cache = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("regress");
        std::fs::create_dir_all(&cache).unwrap();
        let mut command = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/regress/sources.sh"));
        // A relative PGVEIL_REGRESS_DIR is meant from where `make` is called.
        command.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
        let major = version.split('.').next().unwrap();
        command.arg(&cache).args([major, version]).stderr(Stdio::inherit());
        let output = command.output().unwrap_or_else(|e| panic!("sources.sh: {e}"));
        assert!(output.status.success(), "no sources of PostgreSQL {version}: see above, or name a folder with them: PGVEIL_REGRESS_DIR");
        PathBuf::from(String::from_utf8(output.stdout).unwrap().trim())
    })
}
