//! Revocation lists: a revoked node does not get up, and neither does anyone under an expired list.

use crate::network::{COUNTY, NETWORK, Network, REGION, Station, node};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType, ExtendedKeyUsagePurpose,
    IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams, SanType, SerialNumber,
    date_time_ymd,
};
use yizhan_link::{LinkConfig, NeighbourConfig};
use zeroize::Zeroizing;

/// An authority that can issue revocation lists.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: Vec<u8>,
}

impl Authority {
    fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate = params.self_signed(&key).unwrap().der().to_vec();
        Self { issuer: Issuer::new(params, key), certificate }
    }

    fn certify(&self, me: &str, serial: u64) -> (Vec<u8>, Zeroizing<Vec<u8>>) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, me);
        params.serial_number = Some(SerialNumber::from(serial));
        params.subject_alt_names = vec![
            SanType::URI(format!("yizhan://{NETWORK}/node/{me}").try_into().unwrap()),
            SanType::DnsName(format!("{me}.{NETWORK}").try_into().unwrap()),
        ];
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ClientAuth, ExtendedKeyUsagePurpose::ServerAuth];
        params.not_before = date_time_ymd(2026, 11, 1);
        params.not_after = date_time_ymd(2027, 1, 1);
        let certificate = params.signed_by(&key, &self.issuer).unwrap().der().to_vec();
        (certificate, Zeroizing::new(key.serialize_der()))
    }

    fn revoke(&self, serial: Option<u64>, next_day_of_november: u8) -> Vec<u8> {
        let revoked = serial.map(|serial| RevokedCertParams {
            serial_number: SerialNumber::from(serial),
            revocation_time: date_time_ymd(2026, 11, 2),
            reason_code: None,
            invalidity_date: None,
        });
        let list = CertificateRevocationListParams {
            this_update: date_time_ymd(2026, 11, 2),
            next_update: date_time_ymd(2026, 11, next_day_of_november),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: revoked.into_iter().collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        list.signed_by(&self.issuer).unwrap().der().to_vec()
    }

    fn config(&self, me: &str, serial: u64, crl: Vec<u8>, neighbour: NeighbourConfig) -> LinkConfig {
        let (certificate, key_pkcs8) = self.certify(me, serial);
        let ca = self.certificate.clone();
        LinkConfig {
            certificate,
            key_pkcs8,
            ca,
            crls: vec![crl],
            neighbours: vec![neighbour],
            ..Network::new().config(me, &[])
        }
    }

    /// A region (serial 1) that goes by this list, and a county (serial 2) that dials it with a list of nobody.
    fn pair(&self, crl: Vec<u8>) -> (Station, Station) {
        let neighbour = NeighbourConfig { node: node(COUNTY), endpoint: None, foreign: None };
        let region = Station::start(self.config(REGION, 1, crl, neighbour));
        let endpoint = Some(region.links.local_addr().to_string());
        let neighbour = NeighbourConfig { node: node(REGION), endpoint, foreign: None };
        let county = Station::start(self.config(COUNTY, 2, self.revoke(None, 30), neighbour));
        (region, county)
    }
}

#[tokio::test]
async fn a_node_that_is_not_revoked_gets_up() {
    let authority = Authority::new();
    let (mut region, mut county) = authority.pair(authority.revoke(Some(77), 30));
    region.up(COUNTY).await;
    county.up(REGION).await;
}

#[tokio::test]
async fn a_revoked_node_is_refused() {
    let authority = Authority::new();
    let (mut region, mut county) = authority.pair(authority.revoke(Some(2), 30));
    let reason = region.refused().await;
    assert!(reason.contains("evoked"), "{reason}");
    county.unreachable().await;
}

#[tokio::test]
async fn an_expired_list_lets_nobody_in() {
    let authority = Authority::new();
    let (mut region, mut county) = authority.pair(authority.revoke(None, 19));
    let reason = region.refused().await;
    assert!(reason.contains("xpired"), "{reason}");
    county.unreachable().await;
}
