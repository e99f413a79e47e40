//! What the shim notes and forgets, shown on small programs: whatever they do to a file without forcing it to disk is taken back.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use embedded::Account;
use tempfile::TempDir;
use torture::shim::{Cut, PowerCut};

const OLD: &[u8] = b"what was there before";

struct Disk {
    home: TempDir,
    data: PathBuf,
    power: PowerCut,
}

impl Disk {
    /// With one file, which is old.
    fn new() -> Self {
        let home = tempfile::tempdir().expect("a directory");
        let data = home.path().join("data");
        fs::create_dir(&data).expect("a directory");
        fs::write(data.join("f"), OLD).expect("write");
        let account = Account::of_servers().expect("an account");
        let power = PowerCut::install(&home.path().join("shim"), &data, &account).expect("install");
        Self { home, data, power }
    }

    /// Runs `script` under the shim, in the data directory; whether it succeeded.
    fn run(&self, script: &str) -> bool {
        let mut shell = Command::new("sh");
        shell.args(["-c", script]).current_dir(&self.data).stderr(Stdio::null());
        self.power.preload(&mut shell);
        shell.status().expect("run sh").success()
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.data.join(name)).expect(name)
    }
}

#[test]
fn whatever_was_not_synced_is_taken_back() {
    for script in [
        "printf new >> f",
        ": > f",
        "printf 'another, and a longer one than before' > f",
        "printf xyz | dd of=f bs=1 seek=5 conv=notrunc",
        "printf far | dd of=f bs=1 seek=100000 conv=notrunc",
        "truncate -s 3 f && printf more >> f",
        "truncate -s 5000 f",
        "printf a >> f; printf b >> f; : > f; printf c >> f",
    ] {
        let disk = Disk::new();
        assert!(disk.run(script), "{script}");
        let changed = disk.read("f");
        assert_ne!(changed, OLD, "{script}");
        let cut = disk.power.apply().expect("apply");
        assert!(cut.files == 1 && cut.writes > 0, "{script}: {cut:?}");
        assert_eq!(disk.read("f"), OLD, "{script}");
        // There is nothing left to take back.
        assert_eq!(disk.power.apply().expect("apply"), Cut::default());
    }
}

#[test]
fn what_was_synced_stays_and_what_came_after_goes() {
    let disk = Disk::new();
    assert!(disk.run("printf 'one,' | dd of=f conv=fsync"));
    assert!(disk.run("printf 'two,' | dd of=f bs=4 seek=1 conv=notrunc,fdatasync"));
    assert_eq!(disk.power.apply().expect("apply"), Cut::default());
    assert_eq!(disk.read("f"), b"one,two,");
    assert!(disk.run("printf 'three,' >> f && dd if=/dev/null of=f conv=notrunc,fsync && printf four >> f"));
    assert_eq!(disk.power.apply().expect("apply"), Cut { files: 1, writes: 1 });
    assert_eq!(disk.read("f"), b"one,two,three,");
}

#[test]
fn what_somebody_else_forced_to_disk_stays_and_nothing_beside_it() {
    let disk = Disk::new();
    assert!(disk.run("printf new > f && printf other > g"));
    disk.power.forced(&[disk.data.join("f")]).expect("forget the notes");
    assert!(disk.run("printf er >> f"));
    assert_eq!(disk.power.apply().expect("apply"), Cut { files: 2, writes: 2 });
    assert_eq!((disk.read("f"), disk.read("g")), (b"new".to_vec(), Vec::new()));
}

#[test]
fn a_file_is_known_by_itself_and_not_by_its_name() {
    let disk = Disk::new();
    assert!(disk.run("printf new >> f && mv f g && printf other > f && rm f && printf newest > f"));
    disk.power.apply().expect("apply");
    assert_eq!((disk.read("g"), disk.read("f")), (OLD.to_vec(), Vec::new()));
}

#[test]
fn what_lies_elsewhere_is_left_alone() {
    let disk = Disk::new();
    let elsewhere = disk.home.path().join("database");
    assert!(disk.run(&format!("printf kept > {}", elsewhere.display())));
    assert_eq!(disk.power.apply().expect("apply"), Cut::default());
    assert_eq!(fs::read(elsewhere).expect("read"), b"kept");
}

#[test]
fn a_full_disk_takes_a_part_and_then_nothing() {
    let disk = Disk::new();
    disk.power.set_full(true).expect("fill");
    assert!(!disk.run("dd if=/dev/zero of=f bs=1000 count=1 conv=notrunc oflag=append"));
    assert!(!disk.run("printf 'a few bytes' >> f"));
    let partly = disk.read("f").len() - OLD.len();
    assert!(partly > 0 && partly < 1_000, "{partly}");
    disk.power.set_full(false).expect("make room");
    assert!(disk.run("printf 'a few bytes' >> f"));
}
