#![allow(clippy::disallowed_methods, reason = "the suite is read from files")]

use std::path::PathBuf;

use stepwell_value::Value;

use super::*;

const MAX: usize = 10_000_000;
const NOW: f64 = 1_700_000_000_000.0;

fn shown<T: ToString>(result: Result<T, PictureError>) -> String {
    result.map_or_else(|err| err.to_string(), |value| value.to_string())
}

fn format_number(value: f64, picture: &str, options: &[(&str, &str)]) -> String {
    let mut format = DecimalFormat::default();
    options.iter().for_each(|(name, symbol)| format.set(name, symbol));
    shown(NumberPicture::compile(picture, &format).and_then(|picture| picture.format(value, MAX)))
}

fn format_integer(value: f64, picture: &str) -> String {
    shown(IntegerPicture::compile(picture).and_then(|picture| picture.format(value, MAX)))
}

fn parse_integer(text: &str, picture: &str) -> String {
    shown(IntegerPicture::compile(picture).and_then(|picture| picture.parse(text)))
}

fn from_millis(millis: f64, picture: Option<&str>, timezone: Option<&str>) -> String {
    shown(match picture {
        None => format_iso8601(millis, timezone),
        Some(picture) => DateTimePicture::compile(picture).and_then(|picture| picture.format(millis, timezone, MAX)),
    })
}

fn to_millis(text: &str, picture: Option<&str>) -> String {
    let Some(picture) = picture else { return shown(parse_iso8601(text)) };
    let parser = DateTimePicture::compile(picture).and_then(|picture| picture.parser());
    match parser.and_then(|parser| parser.parse(text, NOW, &mut 100_000)) {
        Ok(None) => "undefined".to_owned(),
        Ok(Some(millis)) => millis.to_string(),
        Err(err) => err.to_string(),
    }
}

#[test]
fn numbers() {
    for (value, picture, expected) in [
        (12345.6, "#,###.00", "12,345.60"),
        (0.14, "01%", "14%"),
        (0.4857, "###.###\u{2030}", "485.7\u{2030}"),
        (-6.0, "000", "-006"),
        (-6.5, "0.0;(0.0)", "(6.5)"),
        (1234.5678, "00.000e0", "12.346e2"),
        (0.0, "0.00e0", "0.00e0"),
        (2.5, "0", "2"),
        (3.5, "0", "4"),
        (1.005, "0.00", "1.00"),
        (1.015, "0.00", "1.02"),
        (f64::INFINITY, "0.0 EUR", "Infinity EUR"),
        (f64::NEG_INFINITY, "0e0", "-Infinity"),
        (f64::NAN, "0", "NaN"),
        (1.0, "#;#;#", "D3080"),
        (1.0, "x", "D3086"),
        (1.0, "", "D3085"),
    ] {
        assert_eq!(format_number(value, picture, &[]), expected, "{value} as {picture}");
    }
    let european = [("decimal-separator", ","), ("grouping-separator", ".")];
    assert_eq!(format_number(1234.5, "#.##0,00", &european), "1.234,50");
    assert_eq!(format_number(1.0, "0", &[("zero-digit", "")]), "1");
    assert_eq!(format_number(1.0, "0", &[("grouping-separator", "")]), "D3089");
}

#[test]
fn integers() {
    for (value, picture, expected) in [
        (12340.0, "###\u{661}", "\u{661}\u{662}\u{663}\u{664}\u{660}"),
        (-3.0, "0000", "-0003"),
        (-0.5, "0", "-1"),
        (1234567890.0, "##,##,##0", "12345,67,890"),
        (111.0, "0;o", "111th"),
        (1984.0, "I", "MCMLXXXIV"),
        (27.0, "a", "aa"),
        (1e46, "w", "ten billion trillion trillion trillion"),
        (1234.0, "Ww;o", "One Thousand, Two Hundred and Thirty-Fourth"),
        (1.0, "\u{3b1}", "D3130 (\u{3b1})"),
        (1.0, "0\u{660}", "D3131"),
        (f64::INFINITY, "w", "Infinity"),
    ] {
        assert_eq!(format_integer(value, picture), expected, "{value} as {picture}");
    }
    for (text, picture, expected) in [
        ("12,345,678", "#,##0", "12345678"),
        ("abc", "0", "NaN"),
        ("\u{661}\u{662}", "\u{660}", "12"),
        ("seven hundred and thirtieth", "w;o", "730"),
        ("seven and a half", "w", "NaN"),
        ("MCMLXXXIV", "I", "1984"),
        ("50", "#", "D3130 (#)"),
    ] {
        assert_eq!(parse_integer(text, picture), expected, "{text} as {picture}");
    }
}

#[test]
fn times() {
    let millis = 1_521_801_216_617.0;
    for (picture, timezone, expected) in [
        ("[M01]/[D01]/[Y0001] at [H01]:[m01]:[s01]", None, "03/23/2018 at 10:33:36"),
        ("[FNn,3-3], [D1o] [MNn,3-3] [Y] [C]", None, "Fri, 23rd Mar 2018 ISO"),
        ("[X0001]-W[W01]-[F1] [[[d]]]", None, "2018-W12-5 [82]"),
        ("[h]:[m] [PN] [Z] [z0]", Some("-0500"), "5:33 AM -05:00 GMT-5"),
        ("[Y9,999,*] [Y,2] [YI]", None, "2,018 18 MMXVIII"),
        ("[Z010101t]", Some("+0530"), "D3134 (6)"),
        ("[YN]", None, "D3133 (Y)"),
        ("[q]", None, "D3132 (q)"),
        ("[]", None, "D3132 ()"),
        ("[M", None, "D3135"),
    ] {
        assert_eq!(from_millis(millis, Some(picture), timezone), expected, "{picture}");
    }
    assert_eq!(from_millis(millis, None, None), "2018-03-23T10:33:36.617Z");
    assert_eq!(from_millis(millis, None, Some("+0100")), "2018-03-23T11:33:36.617+01:00");
    assert_eq!(from_millis(-1.0, None, None), "1969-12-31T23:59:59.999Z");
    assert!(from_millis(8.64e15 + 1.0, None, None).starts_with("D3137"));
    assert!(from_millis(f64::NAN, None, None).starts_with("D3137"));
    assert!(from_millis(0.0, None, Some("Berlin")).starts_with("D3137"));
}

#[test]
fn times_are_read() {
    for (text, picture, expected) in [
        ("1970-01-01T00:00:00.001Z", None, "1"),
        ("2018-02-01T09:42:13.123+0000", None, "1517478133123"),
        ("2018-02-01T10:42:13.123+01:00", None, "1517478133123"),
        ("2018", None, "1514764800000"),
        ("2018-13-01", None, "NaN"),
        ("2018-01-01T24:00:00Z", None, "1514851200000"),
        ("2018-01-01T25:00:00Z", None, "NaN"),
        ("01-02-2018", None, "D3110 (01-02-2018)"),
        ("20180205", Some("[Y0001][M01][D01]"), "1517788800000"),
        ("27th April 2008", Some("[D1o] [MNn] [Y0001]"), "1209254400000"),
        ("4/4/2018 12:06 am", Some("[D1]/[M1]/[Y0001] [h]:[m] [P]"), "1522800360000"),
        ("13:45", Some("[H]:[m]"), "1699969500000"),
        ("2018-094", Some("[Y0001]-[d001]"), "1522800000000"),
        ("twenty-first August two thousand and seventeen", Some("[Dw] [MNn] [Yw]"), "1503273600000"),
        ("Hello", Some("Hello"), "undefined"),
        ("x", Some("[Y]"), "undefined"),
        ("2018-22", Some("[Y]-[D]"), "D3136"),
        ("2018-W12-5", Some("[X]-W[W]-[F1]"), "D3136"),
    ] {
        assert_eq!(to_millis(text, picture), expected, "{text} as {picture:?}");
    }
}

#[test]
fn days_and_dates_are_each_others_inverse() {
    let mut days = calendar::days_from_date(-271_821, 4, 20);
    assert_eq!(days, -MILLIS_MAX / 86_400_000);
    while days <= MILLIS_MAX / 86_400_000 {
        let (year, month, day) = calendar::date_from_days(days);
        assert_eq!(calendar::days_from_date(year, month, day), days);
        days += 997;
    }
    assert_eq!(calendar::date_from_days(0), (1970, 1, 1));
    assert_eq!(calendar::date_from_days(11_016), (2000, 2, 29));
}

#[test]
fn hostile_pictures_end_within_their_bound() {
    let run = || {
        assert_eq!(format_number(1.0, &"0".repeat(100_000), &[]).len(), 100_000);
        assert_eq!(format_number(1234.0, &("#,".repeat(50_000) + "0"), &[]), "1,2,3,4");
        assert_eq!(format_number(0.1, &("0.".to_owned() + &"0".repeat(100_000)), &[]).len(), 100_002);
        assert_eq!(format_number(1.0, &("0e".to_owned() + &"0".repeat(100_000)), &[]).len(), 100_002);
        format_number(1.0, &("0".repeat(100_000) + "e0"), &[]);
        format_number(1.0, &("#,#,##".repeat(20_000) + "0." + &"0,".repeat(20_000)), &[]);
        format_integer(1.0, &("#,#:##".repeat(20_000) + "0"));
        assert_eq!(format_integer(1e12, "I"), PictureError::TooLarge.to_string());
        assert_eq!(format_integer(1e300, "i"), PictureError::TooLarge.to_string());
        format_integer(1e308, "w");
        format_integer(1e308, "A");
        assert_eq!(from_millis(0.0, Some("[Y,1000000000]"), None), PictureError::TooLarge.to_string());
        from_millis(0.0, Some(&"[Yw]".repeat(50_000)), None);
        to_millis(&("1".repeat(60) + "x"), Some(&"[f]".repeat(20)));
        to_millis(&"one ".repeat(1_000), Some(&"[Yw]".repeat(50)));
        to_millis("1", Some("[Y,1000000000][M]"));
        parse_integer(&"and, ".repeat(100_000), "w");
        parse_integer(&"9".repeat(1_000_000), "0");
        assert_eq!(
            IntegerPicture::compile("0000").and_then(|picture| picture.format(1.0, 3)),
            Err(PictureError::TooLarge)
        );
    };
    std::thread::Builder::new().stack_size(512 * 1024).spawn(run).unwrap().join().unwrap();
}

/// The cases of the official suite that call one of our functions with nothing but literals.
#[test]
fn plain_calls_of_the_official_suite() {
    let shared = std::env::var("STEPWELL_SHARED")
        .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared").to_owned());
    let groups = PathBuf::from(shared).join("jsonata-suite/groups");
    if !groups.is_dir() {
        println!("skipped: {} is not there", groups.display());
        return;
    }
    let mut n_run = 0;
    for group in ["formatNumber", "formatInteger", "parseInteger", "fromMillis", "tomillis"] {
        let mut files: Vec<PathBuf> = std::fs::read_dir(groups.join(format!("function-{group}")))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
            .collect();
        files.sort();
        for file in files {
            let text = std::fs::read_to_string(&file).unwrap();
            let cases = stepwell_value::parse(&text).unwrap();
            let cases = cases.as_array().map_or(vec![cases.clone()], |cases| cases.iter().cloned().collect());
            for case in cases {
                let Some(expression) = case.get("expr").and_then(|expr| expr.as_str()) else { continue };
                let Some((name, arguments)) = plain_call(expression) else { continue };
                let Some(answer) = call(name, &arguments) else { continue };
                let error = case.get("error").and_then(|error| error.get("code")).or(case.get("code"));
                let expected = match (error.and_then(|code| code.as_str()), case.get("result")) {
                    (Some(code), _) => code.to_owned(),
                    (None, Some(result)) => {
                        result.as_str().map_or_else(|| result.as_f64().unwrap().to_string(), str::to_owned)
                    }
                    (None, None) => "undefined".to_owned(),
                };
                let answer = if error.is_some() { answer.split(' ').next().unwrap().to_owned() } else { answer };
                assert_eq!(answer, expected, "{}: {expression}", file.display());
                n_run += 1;
            }
        }
    }
    assert!(n_run > 200, "only {n_run} cases");
}

fn call(name: &str, arguments: &[Value]) -> Option<String> {
    let text = |index: usize| arguments.get(index).and_then(|argument| argument.as_str());
    let number = arguments.first().and_then(|argument| argument.as_f64());
    Some(match name {
        "formatNumber" => {
            let options = arguments.get(2).and_then(|options| options.as_object());
            let options: Vec<(&str, &str)> = options
                .iter()
                .flat_map(|options| options.iter())
                .filter_map(|(name, symbol)| Some((name.as_ref(), symbol.as_str()?)))
                .collect();
            format_number(number?, text(1)?, &options)
        }
        "formatInteger" => format_integer(number?, text(1)?),
        "parseInteger" => parse_integer(text(0)?, text(1)?),
        "fromMillis" => from_millis(number?, text(1), text(2)),
        "toMillis" => to_millis(text(0)?, text(1)),
        _ => return None,
    })
}

/// The function and the arguments of `$name(literal, …)`.
fn plain_call(expression: &str) -> Option<(&str, Vec<Value>)> {
    let (name, arguments) = expression.trim().strip_prefix('$')?.split_once('(')?;
    let arguments = arguments.strip_suffix(')')?;
    // JSON has double quotes alone.
    let json = if arguments.contains('"') && !arguments.contains('\'') {
        arguments.to_owned()
    } else {
        arguments.replace('\'', "\"")
    };
    let arguments = stepwell_value::parse(&format!("[{json}]")).ok()?;
    Some((name, arguments.as_array()?.iter().cloned().collect()))
}
