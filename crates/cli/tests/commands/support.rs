//! A development service in an empty folder, and the commands that talk to it.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// The binary, with nothing in the environment that could point it elsewhere.
pub(crate) fn valetkey() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_valetkey"));
    for name in [
        "VALETKEY_URL",
        "VALETKEY_TOKEN",
        "VALETKEY_LOG",
        "RUST_LOG",
        "OTEL_EXPORTER_OTLP_ENDPOINT",
    ] {
        command.env_remove(name);
    }
    command
}

/// What a command came to.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    pub(crate) fn of(command: &mut Command) -> Self {
        let output = command.stdin(Stdio::null()).output().unwrap();
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Its output, if it went well and complained of nothing.
    pub(crate) fn well(self) -> String {
        assert!(self.code == Some(0) && self.stderr.is_empty(), "{self:?}");
        self.stdout
    }

    /// The JSON objects it printed, one on each line.
    pub(crate) fn objects(&self) -> Vec<Value> {
        let lines = self.stdout.lines();
        lines
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
}

/// A running `valetkey dev`, its folder, and a folder to work in.
pub(crate) struct Dev {
    pub(crate) child: Child,
    pub(crate) banner: String,
    pub(crate) folder: TempDir,
    _stdout: BufReader<ChildStdout>,
}

impl Dev {
    pub(crate) fn start() -> Self {
        let folder = TempDir::new().unwrap();
        let mut child = valetkey()
            .arg("dev")
            .args(["--listen", "127.0.0.1:0"])
            .args(["--store-listen", "127.0.0.1:0"])
            .args(["--metrics-listen", "127.0.0.1:0"])
            .arg("--data-dir")
            .arg(folder.path().join("data"))
            .stdout(Stdio::piped())
            .stderr(File::create(folder.path().join("log")).unwrap())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut banner = String::new();
        while !banner.ends_with("Ctrl-C ends it.\n") {
            let read = stdout.read_line(&mut banner).unwrap();
            let log = || fs::read_to_string(folder.path().join("log")).unwrap();
            assert!(read > 0, "dev ended: {banner}{}", log());
        }
        Self {
            child,
            banner,
            folder,
            _stdout: stdout,
        }
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// A file to upload, in the folder that commands run in.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.folder.path().join("home").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    /// Runs a command against this service.
    pub(crate) fn run(&self, command: &str, arguments: &[&str]) -> Ran {
        let home = self.folder.path().join("home");
        fs::create_dir_all(&home).unwrap();
        Ran::of(
            valetkey()
                .current_dir(home)
                .arg(command)
                .arg("--data-dir")
                .arg(self.data())
                .args(arguments),
        )
    }

    /// Uploads a file and gives its id.
    pub(crate) fn put(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        self.write(name, content);
        let put = self.run("put", &["--json", name]);
        let file: Value = serde_json::from_str(&put.well()).unwrap();
        file["id"].as_str().unwrap().to_owned()
    }

    /// What `dev.json` says.
    pub(crate) fn info(&self) -> Value {
        serde_json::from_slice(&fs::read(self.data().join("dev.json")).unwrap()).unwrap()
    }

    /// The address of the API.
    pub(crate) fn api(&self) -> String {
        self.info()["api"].as_str().unwrap().to_owned()
    }

    /// What anybody gets at a path of the API.
    pub(crate) fn get(&self, path: &str) -> String {
        let url = format!("{}{path}", self.api());
        Ran::of(Command::new("curl").args(["--silent", "--fail", &url])).well()
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.folder.path().join("home").join(name)).unwrap()
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Sends a signal by its name to a process that we started.
pub(crate) fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill")
        .args(["-s", name, &child.id().to_string()])
        .status();
    assert!(sent.unwrap().success());
}

/// The bytes of a photo, as far as its first bytes go; the rest is arbitrary but not regular.
pub(crate) fn photo(size: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let noise = std::iter::repeat_with(move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_be_bytes()
    });
    let head = [0xff, 0xd8, 0xff, 0xe0, 0, 16, b'J', b'F', b'I', b'F', 0, 1];
    head.into_iter().chain(noise.flatten()).take(size).collect()
}

/// The names in a folder.
pub(crate) fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}
