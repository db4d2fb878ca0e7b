{{ staged_yrtti(source('foundations', 'foundations')) }}
