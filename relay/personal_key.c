/* The names of members that are somebody's: one sorted table, and endings. */
#include "personal_key.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { KEY_MAX = 64 }; /* bytes of a longer name are not looked at */

/* Sorted, without marks and in lower case. */
static const struct key {
    const char *name;
    enum mask_kind kind;
} personal_keys[] = {
    {"account", MASK_CARD},
    {"accountholder", MASK_NAME},
    {"accountname", MASK_NAME},
    {"accountno", MASK_CARD},
    {"accountnumber", MASK_CARD},
    {"acct", MASK_CARD},
    {"acctno", MASK_CARD},
    {"addr", MASK_BED},
    {"address", MASK_BED},
    {"admissionno", MASK_ID},
    {"bankaccount", MASK_CARD},
    {"bankcard", MASK_CARD},
    {"bankcardno", MASK_CARD},
    {"bed", MASK_BED},
    {"bedno", MASK_BED},
    {"bednumber", MASK_BED},
    {"called", MASK_TEL},
    {"calledno", MASK_TEL},
    {"callednumber", MASK_TEL},
    {"callee", MASK_TEL},
    {"caller", MASK_TEL},
    {"calling", MASK_TEL},
    {"callingno", MASK_TEL},
    {"callingnumber", MASK_TEL},
    {"card", MASK_CARD},
    {"cardholder", MASK_NAME},
    {"cardno", MASK_CARD},
    {"cardnumber", MASK_CARD},
    {"certificateno", MASK_ID},
    {"certno", MASK_ID},
    {"certnumber", MASK_ID},
    {"contact", MASK_NAME},
    {"contactname", MASK_NAME},
    {"custname", MASK_NAME},
    {"customername", MASK_NAME},
    {"email", MASK_MAIL},
    {"emailaddress", MASK_MAIL},
    {"fullname", MASK_NAME},
    {"holder", MASK_NAME},
    {"holdername", MASK_NAME},
    {"homeaddr", MASK_BED},
    {"homeaddress", MASK_BED},
    {"iban", MASK_CARD},
    {"idcard", MASK_ID},
    {"idcardno", MASK_ID},
    {"idcardnumber", MASK_ID},
    {"identityno", MASK_ID},
    {"identitynumber", MASK_ID},
    {"idno", MASK_ID},
    {"idnumber", MASK_ID},
    {"imei", MASK_ID},
    {"imsi", MASK_TEL},
    {"inpatientno", MASK_ID},
    {"licenceplate", MASK_ID},
    {"licenseplate", MASK_ID},
    {"linkman", MASK_NAME},
    {"linkmanname", MASK_NAME},
    {"mail", MASK_MAIL},
    {"mdn", MASK_TEL},
    {"medicalrecordno", MASK_ID},
    {"mobile", MASK_TEL},
    {"mobileno", MASK_TEL},
    {"mobilenumber", MASK_TEL},
    {"mrn", MASK_ID},
    {"msisdn", MASK_TEL},
    {"name", MASK_NAME},
    {"nickname", MASK_NAME},
    {"openid", MASK_TEL},
    {"passport", MASK_ID},
    {"passportno", MASK_ID},
    {"patient", MASK_NAME},
    {"patientid", MASK_ID},
    {"patientname", MASK_NAME},
    {"patientno", MASK_ID},
    {"payeeaccount", MASK_CARD},
    {"payeeacct", MASK_CARD},
    {"payeename", MASK_NAME},
    {"payeraccount", MASK_CARD},
    {"payeracct", MASK_CARD},
    {"payername", MASK_NAME},
    {"phone", MASK_TEL},
    {"phoneno", MASK_TEL},
    {"phonenumber", MASK_TEL},
    {"plate", MASK_ID},
    {"plateno", MASK_ID},
    {"platenumber", MASK_ID},
    {"qq", MASK_TEL},
    {"qqno", MASK_TEL},
    {"realname", MASK_NAME},
    {"receivername", MASK_NAME},
    {"room", MASK_BED},
    {"roomno", MASK_BED},
    {"socialsecurityno", MASK_ID},
    {"tel", MASK_TEL},
    {"telephone", MASK_TEL},
    {"telno", MASK_TEL},
    {"unionid", MASK_TEL},
    {"username", MASK_NAME},
    {"victimname", MASK_NAME},
    {"wechat", MASK_TEL},
    {"wechatid", MASK_TEL},
    {"weixin", MASK_TEL},
    {"wxid", MASK_TEL},
    {"主叫", MASK_TEL},
    {"主叫号码", MASK_TEL},
    {"付款人", MASK_NAME},
    {"住址", MASK_BED},
    {"住院号", MASK_ID},
    {"医保卡号", MASK_CARD},
    {"卡号", MASK_CARD},
    {"受害人", MASK_NAME},
    {"名字", MASK_NAME},
    {"地址", MASK_BED},
    {"姓名", MASK_NAME},
    {"家属姓名", MASK_NAME},
    {"家庭住址", MASK_BED},
    {"就诊号", MASK_ID},
    {"床位", MASK_BED},
    {"床号", MASK_BED},
    {"微信", MASK_TEL},
    {"微信号", MASK_TEL},
    {"患者姓名", MASK_NAME},
    {"户名", MASK_NAME},
    {"手机", MASK_TEL},
    {"手机号", MASK_TEL},
    {"手机号码", MASK_TEL},
    {"护照号", MASK_ID},
    {"报案人", MASK_NAME},
    {"收款人", MASK_NAME},
    {"电子邮箱", MASK_MAIL},
    {"电话", MASK_TEL},
    {"电话号码", MASK_TEL},
    {"病人姓名", MASK_NAME},
    {"病历号", MASK_ID},
    {"病房", MASK_BED},
    {"病案号", MASK_ID},
    {"社保卡号", MASK_CARD},
    {"联系人", MASK_NAME},
    {"联系方式", MASK_TEL},
    {"联系电话", MASK_TEL},
    {"被叫", MASK_TEL},
    {"被叫号码", MASK_TEL},
    {"证件号", MASK_ID},
    {"证件号码", MASK_ID},
    {"账号", MASK_CARD},
    {"账户", MASK_CARD},
    {"身份证", MASK_ID},
    {"身份证号", MASK_ID},
    {"身份证号码", MASK_ID},
    {"车牌", MASK_ID},
    {"车牌号", MASK_ID},
    {"邮箱", MASK_MAIL},
    {"银行卡", MASK_CARD},
    {"银行卡号", MASK_CARD},
    {"门诊号", MASK_ID},
};

/* The same when it only ends so, or has a number behind it: victim_phone, phone2. */
static const struct key personal_endings[] = {
    {"phone", MASK_TEL},         {"mobile", MASK_TEL},       {"phoneno", MASK_TEL},
    {"phonenumber", MASK_TEL},   {"wechat", MASK_TEL},       {"weixin", MASK_TEL},
    {"idcard", MASK_ID},         {"idno", MASK_ID},          {"idnumber", MASK_ID},
    {"plateno", MASK_ID},        {"cardno", MASK_CARD},      {"acctno", MASK_CARD},
    {"accountno", MASK_CARD},    {"account", MASK_CARD},     {"fullname", MASK_NAME},
    {"realname", MASK_NAME},     {"patientname", MASK_NAME}, {"custname", MASK_NAME},
    {"customername", MASK_NAME}, {"username", MASK_NAME},    {"address", MASK_BED},
    {"bedno", MASK_BED},         {"email", MASK_MAIL},       {"姓名", MASK_NAME},
    {"电话", MASK_TEL},          {"手机", MASK_TEL},         {"手机号", MASK_TEL},
    {"身份证", MASK_ID},         {"身份证号", MASK_ID},      {"卡号", MASK_CARD},
    {"账号", MASK_CARD},         {"住址", MASK_BED},         {"地址", MASK_BED},
    {"床号", MASK_BED},          {"微信号", MASK_TEL},
};

static int by_key(const void *name, const void *key)
{
    return strcmp(name, ((const struct key *)key)->name);
}

bool personal_key(const char *name, enum mask_kind *ret)
{
    char plain[KEY_MAX];
    size_t n = 0;
    for (; *name; name++) {
        char c = *name >= 'A' && *name <= 'Z' ? (char)(*name - 'A' + 'a') : *name;
        bool kept = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c & 0x80);
        if (!kept) continue;
        if (n + 1 >= sizeof(plain)) return false;
        plain[n++] = c;
    }
    while (n && plain[n - 1] >= '0' && plain[n - 1] <= '9') n--;
    plain[n] = '\0';
    const struct key *k =
        bsearch(plain, personal_keys, ARRAY_LEN(personal_keys), sizeof(personal_keys[0]), by_key);
    for (size_t i = 0; !k && i < ARRAY_LEN(personal_endings); i++) {
        size_t len = strlen(personal_endings[i].name);
        if (n > len && memcmp(plain + n - len, personal_endings[i].name, len) == 0) k = &personal_endings[i];
    }
    if (k) *ret = k->kind;
    return k != NULL;
}
