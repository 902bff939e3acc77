//! README and the help texts.

use crate::env;

#[test]
fn readme_quotes_the_help_texts() {
    let readme = std::fs::read_to_string(env::root().join("README.md")).unwrap();
    for name in ["new_task", "worker"] {
        let mut command = env::command(name);
        command.arg("-h");
        let help = env::spawn(command).ended().expect(0).stdout;
        let quoted = format!("```text\n$ {name} -h\n{help}```");
        assert!(
            readme.contains(&quoted),
            "README lacks, word for word:\n{quoted}"
        );
    }
}
