use super::*;
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

#[test]
fn headers_are_read_as_text() {
    let mut table = FieldTable::new();
    table.insert("n".to_owned(), AmqpValue::LongLongInt(-7));
    table.insert("t".to_owned(), AmqpValue::FieldTable(FieldTable::new()));
    let properties = Properties::new(AmqpProperties::default().with_headers(table));
    let properties = properties.with_header("s", "text".to_owned());
    assert_eq!(properties.header("n").as_deref(), Some("-7"));
    assert_eq!(properties.header("t"), None);
    let names: Vec<_> = properties.headers().map(|(name, _)| name).collect();
    assert_eq!(names, ["n", "s"]);
}

/// The payload of the frame that amiquip's encoder makes of these properties.
fn encoded_len(properties: &Properties) -> usize {
    use amq_protocol::frame::generation::gen_content_header_frame;
    let mut buffer = vec![0; 1 << 20];
    let (_, end) = gen_content_header_frame((&mut buffer, 0), 1, 60, 5, &properties.0).unwrap();
    // Type, channel and size before it, and the end mark behind it.
    end - 7 - 1
}

#[test]
fn the_length_of_a_header_is_that_of_the_encoder() {
    assert_eq!(Properties::default().header_len(), 14);
    let some = Properties::persistent()
        .with_id("é".repeat(50))
        .with_timestamp(1)
        .with_priority(1)
        .with_expiration(5)
        .with_content_type("text/plain".to_owned())
        .with_header("big", "x".repeat(130_000));
    let others = AmqpProperties::default()
        .with_content_encoding("gzip".to_owned())
        .with_correlation_id("c".to_owned())
        .with_reply_to("amq.rabbitmq.reply-to.x".to_owned())
        .with_type_("t".to_owned())
        .with_user_id("u".to_owned())
        .with_app_id("a".to_owned())
        .with_cluster_id(String::new());
    for properties in [Properties::default(), some, Properties(others)] {
        assert_eq!(properties.header_len(), encoded_len(&properties));
    }
}

fn value() -> impl Strategy<Value = AmqpValue> {
    let leaf = prop_oneof![
        Just(AmqpValue::Void),
        any::<bool>().prop_map(AmqpValue::Boolean),
        any::<i8>().prop_map(AmqpValue::ShortShortInt),
        any::<u8>().prop_map(AmqpValue::ShortShortUInt),
        any::<i16>().prop_map(AmqpValue::ShortInt),
        any::<u16>().prop_map(AmqpValue::ShortUInt),
        any::<i32>().prop_map(AmqpValue::LongInt),
        any::<u32>().prop_map(AmqpValue::LongUInt),
        any::<i64>().prop_map(AmqpValue::LongLongInt),
        any::<f32>().prop_map(AmqpValue::Float),
        any::<f64>().prop_map(AmqpValue::Double),
        (any::<u8>(), any::<u32>()).prop_map(|(scale, value)| {
            AmqpValue::DecimalValue(amq_protocol::types::DecimalValue { scale, value })
        }),
        ".{0,40}".prop_map(AmqpValue::LongString),
        any::<u64>().prop_map(AmqpValue::Timestamp),
        vec(any::<u8>(), 0..40).prop_map(AmqpValue::ByteArray),
    ];
    leaf.prop_recursive(3, 30, 5, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(AmqpValue::FieldArray),
            btree_map(".{0,10}", inner, 0..5).prop_map(AmqpValue::FieldTable),
        ]
    })
}

proptest! {
    #[test]
    fn the_length_of_any_headers_is_that_of_the_encoder(
        table in btree_map(".{0,20}", value(), 0..6)
    ) {
        let properties = Properties(AmqpProperties::default().with_headers(table));
        prop_assert_eq!(properties.header_len(), encoded_len(&properties));
    }
}

#[test]
fn identity_ignores_only_what_the_broker_counts() {
    let first = Properties::persistent().with_id("a".to_owned());
    let counted = first
        .clone()
        .with_header("x-delivery-count", "1".to_owned());
    let again = first.clone().with_header("task-attempts", "1".to_owned());
    assert_ne!(first.identity(), again.identity());
    assert_eq!(counted.identity(), first.identity());
}
