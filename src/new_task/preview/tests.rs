use super::super::record::Separator;
use super::*;

fn look(preview: &Preview, input: impl Read) -> Result<Option<u64>, Fault> {
    let records = Records::new(input, Separator::Newline, 100);
    preview.look(records, |error| {
        Fault::new(Kind::InputOutput, error.to_string())
    })
}

#[test]
fn what_is_looked_at_is_read_again_from_the_beginning() {
    let lines = "line\n".repeat(30_000);
    let preview = Preview {
        counts: true,
        ..Preview::default()
    };
    let mut kept = Kept::new(lines.as_bytes());
    assert_eq!(look(&preview, &mut kept).unwrap(), Some(30_000));
    let mut again = Vec::new();
    kept.rewind().unwrap().read_to_end(&mut again).unwrap();
    assert_eq!(again, lines.as_bytes());
    // As far as it was read, and then the rest.
    let mut kept = Kept::new(lines.as_bytes());
    kept.read_exact(&mut [0; 1000]).unwrap();
    let mut again = Vec::new();
    kept.rewind().unwrap().read_to_end(&mut again).unwrap();
    assert_eq!(again, lines.as_bytes());
}

#[test]
fn an_input_that_cannot_be_read_is_told() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("broken"))
        }
    }
    let preview = Preview {
        counts: true,
        ..Preview::default()
    };
    let fault = look(&preview, Kept::new(Broken)).unwrap_err();
    assert_eq!(
        (fault.kind, fault.to_string()),
        (Kind::InputOutput, "broken".to_owned())
    );
}
