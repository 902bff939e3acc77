use super::*;

/// A root directory with these files.
fn root(files: &[(&str, &str)]) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = root.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    root
}

const MEMINFO: &str = "MemTotal:        4194304 kB\nMemFree: 1 kB\nMemAvailable:    1048576 kB\n";

fn limits(max_load: Option<&str>, min_memory: Option<&str>) -> HostLimits {
    HostLimits {
        max_load: max_load.map(|text| text.parse().unwrap()),
        min_memory: min_memory.map(|text| text.parse().unwrap()),
    }
}

#[test]
fn a_load_above_the_limit_is_told() {
    let root = root(&[("proc/loadavg", "2.50 1.00 0.50 1/100 1\n")]);
    let exceeded = |most| limits(Some(most), None).exceeded(root.path()).unwrap();
    assert_eq!(exceeded("2.5"), None);
    let told = exceeded("2").unwrap();
    assert_eq!(told, "the load is 2.50 (--max-load 2)");
}

#[test]
fn memory_below_the_limit_is_told() {
    let root = root(&[("proc/meminfo", MEMINFO)]);
    let exceeded = |least| limits(None, Some(least)).exceeded(root.path()).unwrap();
    for enough in ["1G", "1024M", "1048576k", "1073741824", "25%"] {
        assert_eq!(exceeded(enough), None, "{enough}");
    }
    let told = exceeded("2G").unwrap();
    assert_eq!(told, "1024M of memory is available (--min-memory 2048M)");
    assert!(exceeded("26%").is_some());
}

/// What is left of a cgroup's limit counts, with the page cache that can be dropped.
#[test]
fn a_cgroup_counts() {
    let unit = "sys/fs/cgroup/system.slice/worker.service";
    let root = root(&[
        ("proc/meminfo", MEMINFO),
        ("proc/self/cgroup", "0::/system.slice/worker.service\n"),
        (&format!("{unit}/memory.max"), "max\n"),
        ("sys/fs/cgroup/system.slice/memory.max", "536870912\n"),
        ("sys/fs/cgroup/system.slice/memory.current", "402653184\n"),
        (
            "sys/fs/cgroup/system.slice/memory.stat",
            "anon 1\ninactive_file 134217728\n",
        ),
    ]);
    let exceeded = |least| limits(None, Some(least)).exceeded(root.path()).unwrap();
    assert_eq!(exceeded("256M"), None);
    let told = exceeded("257M").unwrap();
    assert_eq!(told, "256M of memory is available (--min-memory 257M)");
    // A share of what the cgroup may use.
    assert_eq!(exceeded("50%"), None);
    assert!(exceeded("51%").is_some());
}

#[test]
fn a_cgroup_of_version_1_counts() {
    let root = root(&[
        ("proc/meminfo", MEMINFO),
        ("proc/self/cgroup", "5:memory:/box\n1:cpu:/x\n"),
        (
            "sys/fs/cgroup/memory/box/memory.limit_in_bytes",
            "104857600\n",
        ),
        (
            "sys/fs/cgroup/memory/box/memory.usage_in_bytes",
            "52428800\n",
        ),
    ]);
    let told = limits(None, Some("51M")).exceeded(root.path()).unwrap();
    assert_eq!(
        told.unwrap(),
        "50M of memory is available (--min-memory 51M)"
    );
}

#[test]
fn a_system_that_does_not_tell_is_an_error() {
    let root = root(&[]);
    let fault = limits(Some("1"), None).exceeded(root.path()).unwrap_err();
    assert!(fault.to_string().ends_with("(--max-load)"), "{fault}");
    let fault = limits(None, Some("1G")).exceeded(root.path()).unwrap_err();
    assert!(fault.to_string().ends_with("(--min-memory)"), "{fault}");
}

#[test]
fn what_is_no_limit_is_refused() {
    for text in ["", "0", "-1", "x", "1e3", "inf", "NaN", "0%", "%"] {
        assert!(text.parse::<MaxLoad>().is_err(), "{text}");
    }
    for text in [
        "",
        "0",
        "0M",
        "-1",
        "M",
        "1.5G",
        "100%",
        "0%",
        "1X",
        "99999999999T",
    ] {
        assert!(text.parse::<MinMemory>().is_err(), "{text}");
    }
}

/// This system tells.
#[test]
fn the_real_files_are_read() {
    if cfg!(target_os = "linux") {
        let limits = limits(Some("100000"), Some("1"));
        assert_eq!(limits.exceeded(Path::new("/")).unwrap(), None);
    }
}
