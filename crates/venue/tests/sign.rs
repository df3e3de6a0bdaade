//! Signatures: the vectors that venues publish, others from independent implementations, and texts that are no keys.
#![cfg(feature = "sign")]

use base64::{Engine as _, engine::general_purpose::STANDARD};
use tickwire_venue::binance::payload;
use tickwire_venue::sign::{
    Algorithm, ApiKey, Credentials, KeyError, SignError, SigningKey, client_signature,
};

/// The key that Binance's documentation signs its examples with.
const BINANCE_API_KEY: &str = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A";
const BINANCE_SECRET: &str = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j";

/// The seed is the bytes 0x00 to 0x1f, in the container of RFC 8410.
const ED25519: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f
-----END PRIVATE KEY-----
";

/// For these tests alone, made with `openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048`.
const RSA: &str = "-----BEGIN PRIVATE KEY-----
MIIEvAIBADANBgkqhkiG9w0BAQEFAASCBKYwggSiAgEAAoIBAQC1d5NtXNBVv85w
u4xNIXyfyN0/axHKbbDbW9Fs7ro0Ck7BYGQQeqoOSzAsvJmpPfn7hzM7hiJ06z3W
ogQXUGGkKcZkhaQN6wqzYltw9jFc8DPAfpnXa4TP20Z1CbejGkJiP792/DhE2xZ7
UhekrhhwCDYtnwMaHjwgTjNVwIP3xdhoEAi7X40NfGdVOIoAZFKqy+Ifsch6qUhf
j4VkA638msXLp+jy4iFB/+81kEvtcaz8cKG/HPjH1N6sJSRjE06Be0+y4HmBIKJA
D1zjRAiT3PZI0y8x7YRDCA63ZAOspaWOnN5OepKZXj+Q/pSLqKNF9zbMfD2UN7LK
qDYSJGQ7AgMBAAECggEAKE09Pc2eK10k4R6WA09LmUUH9hy2X8nKvH0A3vuJ+SLM
6N+aeZp0iCYktdrRGag9C6K0OyUIJAVWv4NN+0uL0+S/PfX8QGcSAlL20firb+Oc
6sRzMEedwHgHhti4ow2i7qUPxcIwUQKDVLIftCBCJyd7uNgW3UcXvWkAt6vA41b6
J0sKcWzLbyycvbgyGVi6R7+uTmYhDznsE/T/UrN7cKNeyz9nsGqXW6cR676lU3Ca
77BdHYfphDvOonTIktRcRntGH92fz90pX6wcXhENjPu7/Abq7i0anrpZoxASJ8qt
HTeJtZ/1NJHkstFuvXl+abrg7R7VV4YoJW1ql8+M0QKBgQDrBfb5rxCawVgHKMpv
p6klrj1UOg32YlDdfswsX/mdkDPVu3Ux/c045fVysa4ta3MIEpzdrTCCdQhJ2fKt
VFEW8Nb8GdqbyfxuKhHnD5aVomc8fXam8yJ2WuS6iY4K9benb+AIAjTl+PQHmMcA
YvhA1kPCIESrnA0lK2ZENcNa+QKBgQDFqeh77hZU6pz/se120TKSnzKwVXWtl8Gp
VjMrko/f6ZCdYvvE+n51v7UMleJGtqffq9cX84NDygsOz1uoHmDc87nBl+/VWi/X
xFqApAFjSfFABB8CLzWOVzWqy4D/dA+xnLZZJzgZWWQX1y8FXCGRdsQ0vRsxHv4l
7YivaFzx0wKBgAyrdKX/Lwj4tVMlesxMII08eGfq/Ue0AyH9rOoTfnRlCrZR9b5t
LTwNAY9eTsJ6EWh1AGne5UeTIZBBpJh9fCWddCmBB0zwtaAGupJXP8nvSFt1dAkK
AGia+8umkLa8ilsHZ+9mlw1yv00NimTV8QYlxt9XN/x8XCUN0uSIdXCZAoGAJ+Dd
nJMuQjeLMTMOe5g9IcOokFbNhRZG5gkUDchl6oDOwlIEBXucI9lnh4B9xFJ5j/C1
Vom0g+qxTG2dSk/Grw0k/t/ObTbizB87OxTbitKSL54lO2WW4n7JvwmLnv4lZGn/
iAEXmlWkkgLB48zwoM5bS2CTqddc4v4HQ4xEpC0CgYAfeAcbXTQYuhpC9A+vG9wa
eheUhczUZzG4fysqDhjzbZ+JxjGlBmUz5MJPnbjKw9x8rHNLE7i3Cg3JcapWf3eQ
XLmp1I5IHXgDb7uRqZNjco49/bm1qgg6z3wABeG7IUW0QMPtEArpbkWwiHLSDFTx
Xe7VyCJEmKZf7mzJmkFqRA==
-----END PRIVATE KEY-----
";

/// The same way with 1024 bits.
const SMALL_RSA: &str = "-----BEGIN PRIVATE KEY-----
MIICdgIBADANBgkqhkiG9w0BAQEFAASCAmAwggJcAgEAAoGBAOvoBMiwa8XLWA02
shoe3Oges7OW9/5rLxdPFp5ioQjtbZX4r9Cl4Q9gwFwXBP7CMm1Ftj9v02xnVooT
1Xghk4MmfzPYHRRJpDd0Kn15VeWr4VRMP9m0STOlWFhJ7f8vKTCk6bhs2+w+c3NT
Hpv2BhKIheYWlwKeACdvag9w7cJjAgMBAAECgYA/RR4rWS2+gdgeyyGfYdGrq7hU
nVPr94FMxhhx6E/6Xft7MpSs6CBhiHhu+nmLfjgaGI1VnD9fHqQWKlWhf5fZHBcT
fPcDkHNfXBBievWH+4kjLffl1iibE81hbCO4+b9gA31QKNAFbLiSVou7948MItTL
I2aDTEQ7jWaswpj+YQJBAPxYRFiBzj0T5/3ZgJn5YwmNT5VR7qegmQiAGTyShVlU
NZupaCfNxKAG3AfCdoXjH9DrcEhLetYVLcQ6J4Fn0DECQQDvUsucaGRlCzzIvZKa
4QTTOCzeCK0ML6R3hhlsrgaYHfs2f5J+HcdslaW9mkzNNBDaVzdk6VdMiMx3QuzE
X0rTAkAgYseqwEYSyqo8hxydJkeSo0Mye8hwVQku8RnMD1Xz5/3VU4GdkigJDbhR
eqCxgDvGGWFYte826JLuGzSUxBkRAkEAk92oB99ICFZFHBJk/mSBQq+2qQjbQmg9
ScwE8W0kjeAYUrfHnzxu9twPJ3KqeS7uKrkwdJznX1Y2XolvGHV4GQJAR6/OvkOd
2wYEPHVEPl8Ra7JaFwhveG/e+/gqcC9r4YpRd7khDVPu0C8WGJLqpNbFoXX0QWiG
ra8NQNffomzt8Q==
-----END PRIVATE KEY-----
";

const ELLIPTIC: &str = "-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgNfL2zTYcLjF/qwI8
LIFCAb9oiQh+CxDZUZ5eNOKaGxKhRANCAAT5jSN/JUlaSdX0CVDs9SL1UM1YMBQP
yGba9VkKCe662UjN0znP6N4t7dCKDOQTnZyixGVHNbkbakxqTg58gHpl
-----END PRIVATE KEY-----
";

const ENCRYPTED: &str = "-----BEGIN ENCRYPTED PRIVATE KEY-----
MIGbMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAhbSrXhxU41pQICCAAw
DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEJZGu+dM19UXP/fL+QfPjC8EQANt
F678J8FbJ7h+Hx6NnEgXt/FOR0KS12nwVYnymVlTF0cwl9NdHF6K1TsJTwUe8Qie
aYxFEyOEMosond7Sv20=
-----END ENCRYPTED PRIVATE KEY-----
";

const PUBLIC: &str = "-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAYONKHTRajhWCqPgf5Jc0eLN4ckpjunERa+H/N67CrHE=
-----END PUBLIC KEY-----
";

/// The body of a PEM text.
fn der(pem: &str) -> Vec<u8> {
    let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    STANDARD.decode(body).unwrap()
}

fn pem(label: &str, der: &[u8]) -> String {
    let body = STANDARD.encode(der);
    let lines: Vec<&str> =
        body.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

fn hmac(secret: &str, payload: &str) -> String {
    SigningKey::hmac(secret).unwrap().sign(payload).unwrap()
}

#[test]
fn hmac_signs_the_examples_of_binance() {
    let key = ("apiKey", BINANCE_API_KEY);
    let logon = [("timestamp", "1649729878532"), key];
    let order = [
        ("symbol", "BTCUSDT"),
        ("side", "SELL"),
        ("type", "LIMIT"),
        ("timeInForce", "GTC"),
        ("quantity", "0.01000000"),
        ("price", "52000.00"),
        ("recvWindow", "100"),
        ("timestamp", "1645423376532"),
        key,
    ];
    let wide = [
        ("symbol", "１２３４５６"),
        ("side", "BUY"),
        ("type", "LIMIT"),
        ("timeInForce", "GTC"),
        ("quantity", "1.00000000"),
        ("price", "0.10000000"),
        ("recvWindow", "5000"),
        ("timestamp", "1645423376532"),
        key,
    ];
    let rows: [(&[(&str, &str)], &str); 3] = [
        (&logon, "1cf54395b336b0a9727ef27d5d98987962bc47aca6e13fe978612d0adee066ed"),
        (&order, "aa1b5712c094bc4e57c05a1a5c1fd8d88dcd628338ea863fec7b88e59fe2db24"),
        (&wide, "b33892ae8e687c939f4468c6268ddd4c40ac1af18ad19a064864c47bae0752cd"),
    ];
    for (params, expected) in rows {
        assert_eq!(hmac(BINANCE_SECRET, &payload(params)), expected);
    }
}

#[test]
fn a_payload_is_sorted_by_name_not_encoded_and_without_its_signature() {
    let params = [("symbol", "１２&=% "), ("signature", "beef"), ("a", ""), ("side", "BUY")];
    assert_eq!(payload(&params), "a=&side=BUY&symbol=１２&=% ");
    assert_eq!(payload(&[]), "");
    assert_eq!(payload(&[("signature", "beef")]), "");
}

/// RFC 4231, test case 2.
#[test]
fn hmac_signs_the_example_of_the_rfc() {
    let expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
    assert_eq!(hmac("Jefe", "what do ya want for nothing?"), expected);
}

#[test]
fn deribit_signs_time_nonce_and_data() {
    let key = SigningKey::hmac("ABCD").unwrap();
    let signature = client_signature(&key, 1_576_074_319_000, "1iqt2wls", "").unwrap();
    assert_eq!(signature, "b36e06f454307df37628da57fa6c0632ed4850ef7321a34ec5b75869bd0fc7d5");
    let with_data = client_signature(&key, 1_576_074_319_000, "1iqt2wls", "x").unwrap();
    assert_eq!(with_data, hmac("ABCD", "1576074319000\n1iqt2wls\nx"));
}

#[test]
fn deribit_takes_an_hmac_secret_only() {
    for key in [SigningKey::ed25519_pem(ED25519), SigningKey::rsa_pem(RSA)] {
        assert_eq!(client_signature(&key.unwrap(), 1, "n", ""), Err(SignError::NotHmac));
    }
}

/// The signature is that of two other implementations.
#[test]
fn ed25519_signs_as_others_do() {
    let key = SigningKey::ed25519_pem(ED25519).unwrap();
    assert_eq!(key.algorithm(), Algorithm::Ed25519);
    let signature = key.sign("apiKey=TESTKEY&timestamp=1649729878532").unwrap();
    let expected = "3BBZpxaXdu86VNZwA7CZdVtOdv6ve02vtGmSnc+0qoCNiV3prEiQnebhAdUfF6aTCoMQc78K0RvQtgKGY7wgDw==";
    assert_eq!(signature, expected);
}

/// The signatures are those of `printf %s "$payload" | openssl dgst -sha256 -sign rsa.pem | base64 -w0` with OpenSSL
/// 3.0; this padding has no chance in it.
#[test]
fn rsa_signs_as_openssl_does_with_a_key_in_either_container() {
    let rows = [
        (
            "apiKey=TESTKEY&timestamp=1649729878532",
            concat!(
                "YHLuIQSNffyBULqqfswBB6ISa6h0XZPMWiCH/NYuWKs2Zz2hZUf/Z9UGyesM6IZ99JtBbWsZsl/Ac96/MA1Ek3",
                "g0lJHDjpUKAqknJM7GgvA/h//BKqOg7SXGAyyaoNCFxMJK8ljp6W8xW7KvuWG0QsV037wHBwVsJ9dk4m5uKnRp",
                "u/zipNSPYQGP2twQAnRRpkn4cNeFa90He48bBc60Yz9+ElHP9vtu45WalH1EMQk/LzJ5ucVIvviMqQYa4xRUUt",
                "yRDuiBeFnbvOpfLR70l05HWFr9fpU5k8yuC3IsN2+lIinKl3NjmmYr4Brz8hWFuw5ZLhNjybdpiNykMdu1IA==",
            ),
        ),
        (
            "apiKey=TESTKEY&price=0.10000000&symbol=１２３４５６&timestamp=1645423376532",
            concat!(
                "Rm2f3g081XPKKbK/7vIJ+Jhi6ySn+UumvllphK8h8yQwK87tqtzH+K5PdfNHigFnGeapOACx19DK2NUV+6nI8+",
                "tAe8GNd50FRiGcj493O4+17EnQrtKaS/RlFC2w3GTWyKDJbNYwG0jAk8Z08xvWpxycY5PdxRNx6l+UEuIpYXnL",
                "a2PgL8BTW7JLOiLyrjpqN25PdoxomJCETcDX+F1fZXL2MARY4KYWiAMpd0OjCWhHKaV5RQEao4Xd3VGKgOjjV0",
                "q/kp+UjHVdEt3uOqwyNfrIM5CPVz2dDlR7NhY7F0uuMs7WDm4ji8opsOHA0sDtBPoKFFD9FQAiUB03QE7CqA==",
            ),
        ),
    ];
    // PKCS #8 is PKCS #1 behind 26 bytes that say it is RSA.
    let pkcs1 = pem("RSA PRIVATE KEY", &der(RSA)[26..]);
    for text in [RSA, &pkcs1] {
        let key = SigningKey::rsa_pem(text).unwrap();
        assert_eq!(key.algorithm(), Algorithm::RsaSha256);
        for (payload, expected) in rows {
            assert_eq!(key.sign(payload).unwrap(), expected);
        }
    }
}

#[test]
fn pem_texts_may_have_other_line_ends_widths_and_space_around_them() {
    let signature = SigningKey::rsa_pem(RSA).unwrap().sign("x").unwrap();
    let body = STANDARD.encode(der(RSA));
    let one_line = format!("-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----");
    for text in [RSA.replace('\n', "\r\n"), format!("\n  {RSA} \n\n"), one_line] {
        assert_eq!(SigningKey::rsa_pem(&text).unwrap().sign("x").unwrap(), signature, "{text:?}");
    }
}

fn refused(key: Result<SigningKey, KeyError>) -> KeyError {
    key.map(|key| key.algorithm()).unwrap_err()
}

#[test]
fn keys_of_another_kind_are_refused() {
    let pkcs1 = pem("RSA PRIVATE KEY", &der(RSA)[26..]);
    let old_encryption =
        pkcs1.replacen("KEY-----\n", "KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\n", 1);
    let rows = [
        (SigningKey::ed25519_pem(RSA), KeyError::WrongAlgorithm),
        (SigningKey::ed25519_pem(&pkcs1), KeyError::WrongAlgorithm),
        (SigningKey::ed25519_pem(ELLIPTIC), KeyError::WrongAlgorithm),
        (SigningKey::rsa_pem(ED25519), KeyError::WrongAlgorithm),
        (SigningKey::rsa_pem(ELLIPTIC), KeyError::WrongAlgorithm),
        (SigningKey::ed25519_pem(PUBLIC), KeyError::NotPrivateKey),
        (SigningKey::rsa_pem(PUBLIC), KeyError::NotPrivateKey),
        (SigningKey::ed25519_pem(ENCRYPTED), KeyError::Encrypted),
        (SigningKey::rsa_pem(&old_encryption), KeyError::Encrypted),
        (SigningKey::hmac(ED25519), KeyError::Character),
        (SigningKey::ed25519_pem(BINANCE_SECRET), KeyError::NotPem),
        (SigningKey::rsa_pem(BINANCE_SECRET), KeyError::NotPem),
    ];
    for (at, (key, expected)) in rows.into_iter().enumerate() {
        assert_eq!(refused(key), expected, "row {at}");
    }
}

#[test]
fn damaged_and_weak_keys_are_refused() {
    let unacceptable = |key| matches!(refused(key), KeyError::Unacceptable(_));
    assert!(unacceptable(SigningKey::rsa_pem(SMALL_RSA)));
    let short = der(ED25519);
    assert!(unacceptable(SigningKey::ed25519_pem(&pem("PRIVATE KEY", &short[..47]))));
    let mut inconsistent = der(RSA);
    inconsistent[100] ^= 1;
    assert!(unacceptable(SigningKey::rsa_pem(&pem("PRIVATE KEY", &inconsistent))));
    let pkcs8_as_pkcs1 = RSA.replace("PRIVATE KEY", "RSA PRIVATE KEY");
    assert!(unacceptable(SigningKey::rsa_pem(&pkcs8_as_pkcs1)));
    for text in [
        "",
        "-----BEGIN PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----\n\n-----END PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----\n\n\n-----END PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----\n====\n-----END PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----\nMC4*\n-----END PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----\nMC4C\n-----END PUBLIC KEY-----",
    ] {
        let error = refused(SigningKey::ed25519_pem(text));
        assert!(matches!(error, KeyError::NotPem | KeyError::Unacceptable(_)), "{text:?}: {error:?}");
    }
}

#[test]
fn texts_that_cannot_be_secrets_or_names_are_refused() {
    for (secret, expected) in [
        ("", KeyError::Empty),
        ("abc\n", KeyError::Character),
        (" abc", KeyError::Character),
        ("a\u{a0}c", KeyError::Character),
        ("a\0c", KeyError::Character),
    ] {
        assert_eq!(refused(SigningKey::hmac(secret)), expected, "{secret:?}");
        assert_eq!(ApiKey::new(secret).unwrap_err(), expected, "{secret:?}");
    }
    assert_eq!(ApiKey::new("schlüssel").unwrap_err(), KeyError::Character);
    assert_eq!(ApiKey::new("k\r\nHost: other").unwrap_err(), KeyError::Character);
}

#[test]
fn nothing_secret_is_shown() {
    let shown = |api_key: &str, key: SigningKey| {
        format!("{:?}", Credentials { api_key: ApiKey::new(api_key).unwrap(), key })
    };
    let rows = [
        (SigningKey::hmac(BINANCE_SECRET), "HmacSha256"),
        (SigningKey::ed25519_pem(ED25519), "Ed25519"),
        (SigningKey::rsa_pem(RSA), "RsaSha256"),
    ];
    for (key, algorithm) in rows {
        let expected = format!("Credentials {{ api_key: ApiKey(hidden), key: SigningKey({algorithm}) }}");
        assert_eq!(shown(BINANCE_API_KEY, key.unwrap()), expected);
    }
    let damaged = RSA.replacen("MIIEv", "MIIEw", 1);
    let error = refused(SigningKey::rsa_pem(&damaged));
    let told = format!("{error:?} {error}");
    assert!(!damaged.lines().any(|line| told.contains(line)), "{told}");
}
